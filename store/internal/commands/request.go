// SPDX-License-Identifier: EUPL-1.2

package commands

import (
	"cmp"
	"fmt"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
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
	Digest [batch.DigestBytes]byte
	// Answer makes the answer from the outcome of the command. If it returns an error, the
	// command fails with that error and changes nothing. The goroutine that writes calls it,
	// sometimes more than once. It must use only the Outcome, and must not block. A nil Answer
	// makes an empty answer.
	Answer func(outcome Outcome) ([]byte, error)

	// answerBytes is the longest answer; 0 is MaxAnswerBytes.
	answerBytes int
}

// NameOf is the name by which the answer to a request is remembered.
func NameOf(request *Request) batch.RequestName {
	return batch.RequestName{Namespace: request.Namespace, ID: request.ID}
}

// ForSummary returns a request for a commit of a workspace, whose answer may be longer.
func ForSummary(request Request) Request {
	request.answerBytes = MaxSummaryAnswerBytes
	return request
}

// Answer returns a command that is answered for a request, if the request wants an answer or has
// an id.
func Answer(request Request, command Command) Command {
	if request.ID == "" && request.Answer == nil {
		return command
	}
	return Answered{Request: request, Command: command}
}

// Answered is a command with its answer.
type Answered struct {
	Request
	Command Command
}

// Apply implements Command.
func (request Answered) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	name := NameOf(&request.Request)
	if request.ID != "" {
		earlier, err := batch.Answer(name)
		if err != nil {
			return Outcome{}, err
		}
		if earlier != nil {
			return Repeat(&request.Request, earlier)
		}
	}
	nested := batch.Nested()
	outcome, err := request.Command.Apply(nested, origin)
	if err != nil {
		return Outcome{}, err
	}
	if outcome, err = WithAnswer(&request.Request, outcome); err != nil {
		return Outcome{}, err
	}
	answers := Given(&request.Request, &outcome)
	for _, given := range answers {
		if err := batch.AdmitAnswer(given, len(nested.Events())); err != nil {
			return Outcome{}, err
		}
	}
	batch.Merge(nested)
	for _, given := range answers {
		batch.AddAnswer(given)
	}
	return outcome, nil
}

// Groups implements Command.
func (request Answered) Groups() []string { return request.Command.Groups() }

// Grows reports whether the command grows, see the function Grows.
func (request Answered) Grows() bool { return Grows(request.Command) }

// WithAnswer adds the answer for a request to an outcome, if the request wants one.
func WithAnswer(request *Request, outcome Outcome) (_ Outcome, err error) {
	if request.Answer == nil {
		return outcome, nil
	}
	outcome.Answer, err = request.answer(outcome)
	return outcome, err
}

// Given is the answer of an outcome as it is remembered: none for a request without an id.
func Given(request *Request, outcome *Outcome) []*batch.Answer {
	if request.ID == "" {
		return nil
	}
	return []*batch.Answer{{RequestName: NameOf(request), Digest: request.Digest, Bytes: outcome.Answer}}
}

// Repeat returns the earlier answer to a request.
func Repeat(request *Request, earlier *batch.Answer) (Outcome, error) {
	if earlier.Digest != request.Digest {
		return Outcome{}, failure.ErrRequestMismatch
	}
	return Outcome{Answer: earlier.Bytes, Replayed: true}, nil
}

func (request *Request) answer(outcome Outcome) ([]byte, error) {
	bytes, err := request.Answer(outcome)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	if limit := cmp.Or(request.answerBytes, MaxAnswerBytes); request.ID != "" && len(bytes) > limit {
		return nil, &failure.TooLargeError{What: "answer", Size: len(bytes), Limit: limit}
	}
	return bytes, nil
}
