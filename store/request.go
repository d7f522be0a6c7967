// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"fmt"

	"dappco.re/go/storebus/store/internal/kv"
)

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

// nameOf is the name by which the answer to a request is remembered.
func nameOf(request *Request) requestName {
	return requestName{namespace: request.Namespace, id: request.ID}
}

// forSummary returns a request for a commit of a workspace, whose answer may be longer.
func forSummary(request Request) Request {
	request.answerBytes = MaxSummaryAnswerBytes
	return request
}

// answering returns a command that is answered for a request, if the request wants an answer or has
// an id.
func answering(request Request, command Command) Command {
	if request.ID == "" && request.Answer == nil {
		return command
	}
	return requestCommand{Request: request, Command: command}
}

// requestCommand is a command with its answer.
type requestCommand struct {
	Request
	Command Command
}

func (request requestCommand) Apply(batch *batch, origin origin) (Outcome, error) {
	name := nameOf(&request.Request)
	if request.ID != "" {
		earlier, err := batch.answer(name)
		if err != nil {
			return Outcome{}, err
		}
		if earlier != nil {
			return repeat(&request.Request, earlier)
		}
	}
	nested := batch.nested()
	outcome, err := request.Command.Apply(nested, origin)
	if err != nil {
		return Outcome{}, err
	}
	if outcome, err = withAnswer(&request.Request, outcome); err != nil {
		return Outcome{}, err
	}
	batch.merge(nested)
	for _, given := range given(&request.Request, &outcome) {
		answersIn.in(batch).add(given)
	}
	return outcome, nil
}

func (request requestCommand) Groups() []string { return request.Command.Groups() }

// withAnswer adds the answer for a request to an outcome, if the request wants one.
func withAnswer(request *Request, outcome Outcome) (_ Outcome, err error) {
	if request.Answer == nil {
		return outcome, nil
	}
	outcome.Answer, err = request.answer(outcome)
	return outcome, err
}

// given is the answer of an outcome as it is remembered: none for a request without an id.
func given(request *Request, outcome *Outcome) []*answer {
	if request.ID == "" {
		return nil
	}
	return []*answer{{requestName: nameOf(request), digest: request.Digest, bytes: outcome.Answer}}
}

// repeat returns the earlier answer to a request.
func repeat(request *Request, earlier *answer) (Outcome, error) {
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
