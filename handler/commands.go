// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// encoder writes the reply to a write.
type encoder[Command any] func(*answer, *request, *Command, *store.Outcome) error

// commandOperation is a verb that is one command of the store. For a request with a
// message id, the command's own transaction also stores the reply.
func commandOperation[Command store.Command](decode func(*request) (Command, error), encode encoder[Command]) *operation[Command, store.Outcome] {
	return &operation[Command, store.Outcome]{
		decode: decode,
		submit: func(request *request, command Command, done func(store.Outcome, error)) {
			if request.messageID == "" {
				request.service.store.Submit(command, done)
				return
			}
			submitRemembered(request, command, encode, done)
		},
		encode: recallOr(encode),
		weigh:  weighReplay,
	}
}

// recallOr writes the stored reply to an earlier request if there is one. Otherwise it
// encodes a reply.
func recallOr[Command any](encode encoder[Command]) encoder[Command] {
	return func(answer *answer, request *request, command *Command, outcome *store.Outcome) error {
		if outcome.Answer != nil {
			answer.recall(outcome)
			return nil
		}
		return encode(answer, request, command, outcome)
	}
}

// weighReplay returns the size of a stored reply.
func weighReplay(outcome *store.Outcome) int64 { return int64(len(outcome.Answer)) }

func submitRemembered[Command store.Command](request *request, command Command, encode encoder[Command], done func(store.Outcome, error)) {
	request.service.store.SubmitRequest(request.remembered(func(answer *answer, outcome *store.Outcome) error {
		return encode(answer, request, &command, outcome)
	}), command, done)
}

// remembered returns the message id of the request and the function that encodes its
// reply. The reply is made before anything is committed. So a reply that does not fit a
// message, or for which there is no room, has changed nothing.
func (request *request) remembered(encode func(*answer, *store.Outcome) error) store.Request {
	// The connection may be busy with a slow broker. It is asked here, so that the store
	// does not wait for it.
	limit := request.maxReply()
	remembered := store.Request{
		Namespace: request.address.Namespace,
		ID:        request.messageID,
		Answer: func(outcome store.Outcome) ([]byte, error) {
			answer := takeAnswer()
			defer answer.release()
			if err := encode(answer, &outcome); err != nil {
				return nil, err
			}
			if request.messageID != "" { // it has to fit when it comes again, too
				answer.header[subjects.HeaderReplayed] = []string{subjects.ReplayedTrue}
			}
			if size := answer.size(); size > limit {
				return nil, request.tooLargeToSend(size, limit)
			}
			kept := answer.remembered()
			if !request.holdResult(int64(len(kept))) {
				return nil, request.overload(tooManyReplies)
			}
			request.answered = true
			return kept, nil
		},
	}
	if remembered.ID != "" {
		remembered.Digest = request.digest()
	}
	return remembered
}

// digest identifies the request by all parts that define it.
func (request *request) digest() (digest [store.DigestBytes]byte) {
	hash := sha256.New()
	for _, part := range [][]byte{
		[]byte(request.subject), []byte(request.headers.TTL.Text), []byte(request.headers.IfRevision.Text), request.data,
	} {
		hash.Write(binary.AppendUvarint(nil, uint64(len(part))))
		hash.Write(part)
	}
	hash.Sum(digest[:0])
	return digest
}

// rememberedHeaders are the headers that a stored reply can have, each a line before its
// body.
var rememberedHeaders = []string{subjects.HeaderRevision, subjects.HeaderExpiresAt}

// remembered returns the answer in its stored form.
func (answer *answer) remembered() (kept []byte) {
	for _, name := range rememberedHeaders {
		kept = append(append(kept, answer.header.Get(name)...), '\n')
	}
	return append(kept, answer.body...)
}

// recall restores the answer from its stored form.
func (answer *answer) recall(outcome *store.Outcome) {
	kept := outcome.Answer
	for _, name := range rememberedHeaders {
		value, rest, _ := bytes.Cut(kept, []byte{'\n'})
		if len(value) > 0 {
			answer.header[name] = []string{string(value)}
		}
		kept = rest
	}
	if outcome.Replayed {
		answer.header[subjects.HeaderReplayed] = []string{subjects.ReplayedTrue}
	}
	answer.body = append(answer.body, kept...)
}
