// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"fmt"

	"dappco.re/go/storebus/store/internal/kv"
)

// DigestBytes is the length of Request.Digest.
const DigestBytes = 32

// MaxAnswerBytes is the length of the longest answer to a request with an id.
const MaxAnswerBytes = 64 << 10

// MaxSummaryAnswerBytes is the length of the longest answer to a commit of a workspace with an
// id. It is larger than MaxAnswerBytes, because every workspace that took its entries can be
// committed, and each kind took a put.
const MaxSummaryAnswerBytes = 1 << 20

// Request says how to answer a command, and by which id to recognise its repetition.
//
//	store.Request{Namespace: "acme", ID: "4Xr9", Digest: sha256.Sum256(body), Answer: encode}
type Request struct {
	// Namespace and ID name the request. Without an ID the request is not remembered.
	Namespace string
	ID        string
	// Digest identifies the content of the request. The same id with another digest is
	// ErrRequestMismatch.
	Digest [DigestBytes]byte
	// Answer makes the answer from the outcome of the command. If it returns an error, the
	// command fails with that error and changes nothing. The goroutine that writes calls it,
	// sometimes more than once. It must use only the Outcome, and must not block. A nil Answer
	// makes an empty answer.
	Answer func(outcome Outcome) ([]byte, error)

	// answerBytes is the longest answer; 0 is MaxAnswerBytes.
	answerBytes int
}

// name is the name by which the answer is remembered.
func (request *Request) name() requestName {
	return requestName{namespace: request.Namespace, id: request.ID}
}

// forSummary returns the request for a commit of a workspace, whose answer may be longer.
func (request Request) forSummary() Request {
	request.answerBytes = MaxSummaryAnswerBytes
	return request
}

// of returns a command that is answered for the request, if the request wants an answer or has an
// id.
func (request Request) of(command Command) Command {
	if request.ID == "" && request.Answer == nil {
		return command
	}
	return requestCommand{Request: request, command: command}
}

// SubmitRequest is Submit for a command that is answered in the same transaction: the Outcome
// has the Answer. If the request has an id, the store remembers a success for RetryWindow,
// across a restart. The same request then gets the same answer, and is not carried out again.
// Errors are not remembered. If the answer to a request with an id is longer than
// MaxAnswerBytes, the error is TooLargeError, and nothing is changed.
//
//	store.SubmitRequest(store.Request{Namespace: "acme", ID: "4Xr9", Digest: digest, Answer: encode},
//		store.IncrementCommand{Group: "acme:counters", Key: "visits", By: 1},
//		func(outcome store.Outcome, err error) { … })
func (store *Store) SubmitRequest(request Request, command Command, done func(Outcome, error)) {
	if err := checkCommand(command); err != nil {
		fail(done, err)
		return
	}
	store.Submit(request.of(command), done)
}

// requestCommand is a command with its answer.
type requestCommand struct {
	Request
	command Command
}

func (request requestCommand) apply(batch *batch, origin origin) (Outcome, error) {
	name := request.name()
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
	for _, given := range request.given(&outcome) {
		answersIn.in(batch).add(given)
	}
	return outcome, nil
}

func (request requestCommand) groups() []string { return request.command.groups() }

// answered adds the answer to an outcome, if the request has one.
func (request *Request) answered(outcome Outcome) (_ Outcome, err error) {
	if request.Answer == nil {
		return outcome, nil
	}
	outcome.Answer, err = request.answer(outcome)
	return outcome, err
}

// given is the answer of an outcome as it is remembered: none for a request without an id.
func (request *Request) given(outcome *Outcome) []*answer {
	if request.ID == "" {
		return nil
	}
	return []*answer{{requestName: request.name(), digest: request.Digest, bytes: outcome.Answer}}
}

// replay returns the earlier answer to the request.
func (request *Request) replay(earlier *answer) (Outcome, error) {
	if earlier.digest != request.Digest {
		return Outcome{}, kv.ErrRequestMismatch
	}
	return Outcome{Answer: earlier.bytes, Replayed: true}, nil
}

func (request *Request) answer(outcome Outcome) ([]byte, error) {
	bytes, err := request.Answer(outcome)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	if limit := cmp.Or(request.answerBytes, MaxAnswerBytes); request.ID != "" && len(bytes) > limit {
		return nil, &kv.TooLargeError{What: "answer", Size: len(bytes), Limit: limit}
	}
	return bytes, nil
}

// answer returns the remembered answer to a request, nil if there is none.
func (batch *batch) answer(name requestName) (*answer, error) {
	for at := batch; at != nil; at = at.below {
		if earlier := answersIn.of(at).byName[name]; earlier != nil {
			return earlier, nil
		}
	}
	return answersIn.table(batch.tables).find(name, batch.timestamp)
}
