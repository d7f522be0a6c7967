// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"time"
)

// DigestBytes is the length of Request.Digest.
const DigestBytes = 32

// MaxAnswerBytes is the longest answer of a request with an id.
const MaxAnswerBytes = 64 << 10

// MaxSummaryAnswerBytes is the longest answer of a commit of a workspace with an id: what
// was put into the workspace can be committed, and took as many puts as it has kinds.
const MaxSummaryAnswerBytes = 1 << 20

// Request says how a command is answered, and by which id it is known when it comes
// again.
//
//	store.Request{Namespace: "acme", ID: "4Xr9", Digest: sha256.Sum256(body), Answer: encode}
type Request struct {
	// Namespace and ID name the request. Where ID is empty nothing is remembered of it.
	Namespace string
	ID        string
	// Digest tells what was asked: the same id with another digest is ErrRequestMismatch.
	Digest [DigestBytes]byte
	// Answer makes the answer of what the command did. An error of it is the command's,
	// which then changes nothing. It is called by the goroutine that writes, at times
	// more than once: it may ask for nothing but the Outcome, and may not block. A nil
	// Answer makes an empty one.
	Answer func(outcome Outcome) ([]byte, error)

	// answerBytes is the longest answer; 0 is MaxAnswerBytes.
	answerBytes int

	// at is when a request with an id is carried out by a workspace, by the store's clock.
	at time.Time
}

// SubmitRequest is Submit for a command that is answered in the same transaction: the
// Outcome carries Answer. Where the request has an id, a success is remembered with
// it for RetryWindow, across a restart of the store: the same request gets the same
// answer then, and is not carried out again. Errors are not remembered. An answer of
// a request with an id that is longer than MaxAnswerBytes is TooLargeError, and
// nothing is changed.
//
//	store.SubmitRequest(store.Request{Namespace: "acme", ID: "4Xr9", Digest: digest, Answer: encode},
//		store.IncrementCommand{Group: "acme:counters", Key: "visits", By: 1},
//		func(outcome store.Outcome, err error) { … })
func (store *Store) SubmitRequest(request Request, command Command, done func(Outcome, error)) {
	if err := checkCommand(command); err != nil {
		fail(done, err)
		return
	}
	store.Submit(requestCommand{Request: request, command: command}, done)
}

// requestCommand is a command with its answer.
type requestCommand struct {
	Request
	command Command
}

func (request requestCommand) apply(batch *batch, origin origin) (Outcome, error) {
	name := requestName{namespace: request.Namespace, id: request.ID}
	if request.ID != "" {
		earlier, err := batch.answer(name)
		if err != nil {
			return Outcome{}, err
		}
		if earlier != nil {
			return request.replay(earlier)
		}
	}
	nested := batch.nested()
	outcome, err := request.command.apply(nested, origin)
	if err != nil {
		return Outcome{}, err
	}
	if outcome, err = request.answered(outcome); err != nil {
		return Outcome{}, err
	}
	batch.merge(nested)
	if request.ID != "" {
		batch.remember(&answer{requestName: name, digest: request.Digest, bytes: outcome.Answer})
	}
	return outcome, nil
}

func (request requestCommand) groups() []string { return request.command.groups() }

// replay gives what was answered to the request earlier.
func (request *Request) replay(earlier *answer) (Outcome, error) {
	if earlier.digest != request.Digest {
		return Outcome{}, ErrRequestMismatch
	}
	return Outcome{Answer: earlier.bytes, Replayed: true}, nil
}

func (request *Request) answer(outcome Outcome) ([]byte, error) {
	bytes, err := request.Answer(outcome)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	if limit := orDefault(request.answerBytes, MaxAnswerBytes); request.ID != "" && len(bytes) > limit {
		return nil, &TooLargeError{What: "answer", Size: len(bytes), Limit: limit}
	}
	return bytes, nil
}

// answer returns what was answered to a request, nil where it is not known.
func (batch *batch) answer(name requestName) (*answer, error) {
	if earlier := batch.answersByName[name]; earlier != nil {
		return earlier, nil
	}
	return batch.view.retries.find(name, batch.timestamp)
}

func (batch *batch) remember(given *answer) {
	if batch.answersByName == nil {
		batch.answersByName = map[requestName]*answer{}
	}
	batch.answersByName[given.requestName] = given
	batch.answers = append(batch.answers, given)
}
