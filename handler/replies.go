// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// maxKeptBytes is the largest buffer that is kept for the next reply.
const maxKeptBytes = 64 << 10

// answer is a reply in the making. After it was sent it is used for another request,
// because the connection copies its bytes.
type answer struct {
	body []byte
	// value is the place of the value in the body of a get that was begun.
	value   int
	message nats.Msg
	header  nats.Header
}

var answers sync.Pool

func takeAnswer() *answer {
	if used, ok := answers.Get().(*answer); ok {
		return used
	}
	return &answer{header: make(nats.Header, 2)}
}

// release returns the answer to its pool. It may not be used afterwards.
func (answer *answer) release() {
	if cap(answer.body) > maxKeptBytes {
		answer.body = nil
	}
	answer.reset()
	answers.Put(answer)
}

func (answer *answer) reset() {
	answer.body = answer.body[:0]
	answer.message = nats.Msg{}
	clear(answer.header)
}

// setEntryHeaders writes the headers of the raw form.
func (answer *answer) setEntryHeaders(revision uint64, expiresAt time.Time) {
	answer.header[subjects.HeaderRevision] = []string{strconv.FormatUint(revision, 10)}
	if !expiresAt.IsZero() {
		answer.header[subjects.HeaderExpiresAt] = []string{formatTime(expiresAt)}
	}
}

// setError turns the answer into an error reply.
func (answer *answer) setError(failure *subjects.Error) {
	answer.reset()
	answer.header[subjects.HeaderError] = []string{subjects.HeaderText(failure.Message)}
	answer.header[subjects.HeaderErrorCode] = []string{strconv.Itoa(failure.Code)}
	answer.body = subjects.AppendError(answer.body, failure)
}

// size returns the size of the answer in a message, including its headers.
func (answer *answer) size() int {
	size := len(answer.body)
	if len(answer.header) == 0 {
		return size
	}
	size += len("NATS/1.0\r\n\r\n")
	for name, values := range answer.header {
		for _, value := range values {
			size += len(name) + len(": ") + len(value) + len("\r\n")
		}
	}
	return size
}

// publish sends the answer. The connection keeps nothing of it.
func (answer *answer) publish(connection *nats.Conn, reply string) error {
	if len(answer.header) == 0 {
		return connection.Publish(reply, answer.body)
	}
	answer.message = nats.Msg{Subject: reply, Header: answer.header, Data: answer.body}
	return connection.PublishMsg(&answer.message)
}

// conclude sends the answer, or the error if there is one, to the bus or to the caller,
// and counts it.
func (request *request) conclude(answer *answer, failure error) {
	if failure != nil {
		request.report(answer, failure)
	}
	if request.reply != "" {
		failure = request.publish(answer, failure)
	}
	if request.service.traces {
		request.trace(answer)
	}
	if failure == nil {
		request.endpoint.statistics.succeeded.Add(1)
	}
	if request.caller != nil {
		request.count(nil)
		request.caller.deliver(answer)
	}
}

// trace logs a request without its body.
func (request *request) trace(answer *answer) {
	code := strconv.Itoa(http.StatusOK)
	if said := answer.header[subjects.HeaderErrorCode]; len(said) > 0 {
		code = said[0]
	}
	request.service.logger.Debug("request", "subject", request.subject, "code", code,
		"request_bytes", len(request.data), "reply_bytes", len(answer.body), "took", time.Since(request.received))
}

// publish sends the answer. If the answer is larger than the connection takes, it sends a
// 413. It returns why the request has failed, or nil.
func (request *request) publish(answer *answer, failure error) error {
	err := answer.publish(request.service.connection, request.reply)
	if errors.Is(err, nats.ErrMaxPayload) {
		failure = request.tooLargeToSend(answer.size(), request.maxReply())
		request.report(answer, failure)
		err = answer.publish(request.service.connection, request.reply)
	}
	request.count(err)
	return failure
}

// report writes the error into the answer, and counts it.
func (request *request) report(answer *answer, failure error) {
	wire := request.wireError(failure)
	answer.setError(wire)
	request.endpoint.statistics.countError(wire.Name)
}

// count adds a reply to the statistics of its endpoint.
func (request *request) count(err error) {
	statistics := request.endpoint.statistics
	if err != nil {
		statistics.unsent.Add(1)
		request.service.logger.Warn("reply could not be sent", "subject", request.subject, "error", err)
		return
	}
	statistics.answered.Add(1)
	if !request.waits {
		statistics.latency.Record(int64(request.replied.Sub(request.received)))
	}
}

// sender is an exchange that has its result.
type sender interface{ send() }

// waitingReply is a reply in the queue of replies. It is a part of its exchange.
type waitingReply struct {
	sender
	// pushedBefore is the reply that was pushed before this one, nil if there was none.
	pushedBefore *waitingReply
}

// replies sends the results of the store, in a goroutine of its own. It is the sink of the
// store's results. The queue bounds the waiting results: each has its place there until it is
// sent. No goroutine waits for another to push.
type replies struct {
	// newest is the reply that was pushed last.
	newest atomic.Pointer[waitingReply]
	closed atomic.Bool
	// gathering says that a batch is being pushed. The goroutine is woken after its end.
	gathering atomic.Bool

	wake chan struct{}
	done chan struct{}
}

func startReplies() *replies {
	replies := &replies{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go replies.run()
	return replies
}

// push adds one reply and returns at once.
func (replies *replies) push(reply *waitingReply) {
	for {
		newest := replies.newest.Load()
		reply.pushedBefore = newest
		if replies.newest.CompareAndSwap(newest, reply) {
			if newest == nil && !replies.gathering.Load() {
				replies.signal()
			}
			return
		}
	}
}

// Completed passes the results of a batch to their exchanges, which push them. The goroutine is
// woken once, so that it sends all of them in one go.
func (replies *replies) Completed(calls []store.Completion) {
	replies.gathering.Store(true)
	for _, call := range calls {
		call.Done()
	}
	replies.gathering.Store(false)
	replies.signal()
}

// close sends the waiting replies, and those of a batch that is being pushed, ends the goroutine
// and waits for it.
func (replies *replies) close() {
	replies.closed.Store(true)
	replies.signal()
	<-replies.done
}

func (replies *replies) signal() {
	select {
	case replies.wake <- struct{}{}:
	default: // the signal is there already, and the goroutine sends all waiting replies
	}
}

func (replies *replies) run() {
	defer close(replies.done)
	var batch []sender
	for closed := false; !closed; {
		<-replies.wake
		// Replies that are pushed after this look have a signal of their own.
		closed = replies.closed.Load() && !replies.gathering.Load()
		batch = replies.takeInto(batch[:0])
		for index, reply := range batch {
			reply.send()
			batch[index] = nil
		}
	}
}

// takeInto appends the waiting replies to an empty batch, in the order in which they were pushed.
// Afterwards they may be pushed again.
func (replies *replies) takeInto(batch []sender) []sender {
	for reply := replies.newest.Swap(nil); reply != nil; {
		before := reply.pushedBefore
		reply.pushedBefore = nil
		batch = append(batch, reply.sender)
		reply = before
	}
	slices.Reverse(batch)
	return batch
}

func formatTime(moment time.Time) string {
	return moment.UTC().Format(time.RFC3339Nano)
}
