// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// maxKeptBytes is the largest buffer that is kept for the next reply.
const maxKeptBytes = 64 << 10

// answer is a reply in the making. It is used again for another request once it
// is sent: the connection copies what it is given.
type answer struct {
	body    []byte
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

// release gives the answer back; it may not be used afterwards.
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

// setEntryHeaders writes what the raw form says in headers.
func (answer *answer) setEntryHeaders(revision uint64, expiresAt time.Time) {
	answer.header[subjects.HeaderRevision] = []string{strconv.FormatUint(revision, 10)}
	if !expiresAt.IsZero() {
		answer.header[subjects.HeaderExpiresAt] = []string{formatTime(expiresAt)}
	}
}

// setError makes the answer one that reports an error.
func (answer *answer) setError(failure *subjects.Error) {
	answer.reset()
	answer.header[subjects.HeaderError] = []string{subjects.HeaderText(failure.Message)}
	answer.header[subjects.HeaderErrorCode] = []string{strconv.Itoa(failure.Code)}
	answer.body = subjects.AppendError(answer.body, failure)
}

// size is what the answer takes in a message, its headers included.
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

// publish sends the answer. Nothing of it is kept by the connection.
func (answer *answer) publish(connection *nats.Conn, reply string) error {
	if len(answer.header) == 0 {
		return connection.Publish(reply, answer.body)
	}
	answer.message = nats.Msg{Subject: reply, Header: answer.header, Data: answer.body}
	return connection.PublishMsg(&answer.message)
}

// conclude publishes the answer, or hands it to the caller, or the error if there is one,
// and counts it.
func (request *request) conclude(answer *answer, failure error) {
	if failure != nil {
		request.report(answer, failure)
	}
	if request.reply != "" {
		failure = request.publish(answer, failure)
	}
	if failure == nil {
		request.endpoint.statistics.succeeded.Add(1)
	}
	if request.caller != nil {
		request.count(nil)
		request.caller.deliver(answer)
	}
}

// publish sends the answer. One that is larger than the connection takes is answered 413;
// the result says why the request has failed, if it has.
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

// count enters a reply into the statistics of its endpoint.
func (request *request) count(err error) {
	statistics := request.endpoint.statistics
	if err != nil {
		statistics.unsent.Add(1)
		request.service.logger.Warn("reply could not be sent", "subject", request.subject, "error", err)
		return
	}
	statistics.answered.Add(1)
	if !request.waits {
		statistics.latency.Record(int64(time.Since(request.received)))
	}
}

// sender is an exchange that has its result.
type sender interface{ send() }

// replies sends what the store has answered, in a goroutine of its own. What waits
// in it is bounded by the queue: each has its place there until it is sent.
type replies struct {
	mutex   sync.Mutex
	waiting []sender
	closed  bool

	wake chan struct{}
	done chan struct{}
}

func startReplies() *replies {
	replies := &replies{wake: make(chan struct{}, 1), done: make(chan struct{})}
	go replies.run()
	return replies
}

// push hands over one reply and returns at once.
func (replies *replies) push(reply sender) {
	replies.mutex.Lock()
	replies.waiting = append(replies.waiting, reply)
	first := len(replies.waiting) == 1
	replies.mutex.Unlock()
	if first {
		replies.signal()
	}
}

// close sends what is there, ends the goroutine and waits for it.
func (replies *replies) close() {
	replies.mutex.Lock()
	replies.closed = true
	replies.mutex.Unlock()
	replies.signal()
	<-replies.done
}

func (replies *replies) signal() {
	select {
	case replies.wake <- struct{}{}:
	default: // it has been told already, and looks at everything that is there
	}
}

func (replies *replies) run() {
	defer close(replies.done)
	var batch []sender
	for closed := false; !closed; {
		<-replies.wake
		batch, closed = replies.take(batch)
		for index, reply := range batch {
			reply.send()
			batch[index] = nil
		}
	}
}

// take swaps the empty batch of the caller for what waits.
func (replies *replies) take(empty []sender) ([]sender, bool) {
	replies.mutex.Lock()
	defer replies.mutex.Unlock()
	batch := replies.waiting
	replies.waiting = empty[:0]
	return batch, replies.closed
}

func formatTime(moment time.Time) string {
	return moment.UTC().Format(time.RFC3339Nano)
}
