// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"sync"
	"sync/atomic"
	"time"
)

// operation is a verb, in the steps that every request takes.
type operation[Query, Result any] struct {
	// decode makes the call of the store from the request. Its errors are
	// *subjects.Error.
	decode func(*request) (Query, error)
	// submit passes the call to the store and returns at once.
	submit func(request *request, query Query, done func(Result, error))
	// encode writes the reply.
	encode func(*answer, *request, *Query, *Result) error
	// weigh returns the bytes that the result of a read takes until it is sent. Nil: they
	// need no counting.
	weigh func(*Result) int64

	// spent are finished exchanges, kept for reuse.
	spent sync.Pool
}

// serve takes one request and starts its exchange.
func (operation *operation[Query, Result]) serve(request request) {
	exchange := operation.take()
	exchange.request = request
	exchange.begin()
}

// take returns an exchange that nobody else uses.
func (operation *operation[Query, Result]) take() *exchange[Query, Result] {
	if used, ok := operation.spent.Get().(*exchange[Query, Result]); ok {
		return used
	}
	made := &exchange[Query, Result]{operation: operation}
	made.done = made.finish
	made.waiting.sender = made
	return made
}

// The progress of an exchange.
const (
	submitting int32 = iota
	handedOver
	finished
)

// exchange is one request on its way to its reply.
type exchange[Query, Result any] struct {
	request
	operation *operation[Query, Result]
	// done is finish, as it is passed to the store.
	done    func(Result, error)
	query   Query
	result  Result
	failure error

	progress atomic.Int32
	// waiting is the exchange in the queue of replies.
	waiting waitingReply
}

// begin runs in the callback of NATS. It passes the request to the store, and sends an
// answer that needs no waiting. Once the exchange is handed over, it may be sent and
// reused at any moment.
func (exchange *exchange[Query, Result]) begin() {
	if exchange.failure = exchange.prepare(); exchange.failure != nil {
		exchange.send()
		return
	}
	exchange.operation.submit(&exchange.request, exchange.query, exchange.done)
	if !exchange.progress.CompareAndSwap(submitting, handedOver) {
		exchange.send()
	}
}

// prepare reads the request and takes a place in the queue.
func (exchange *exchange[Query, Result]) prepare() (err error) {
	if err := exchange.pass(exchange.received); err != nil {
		return err
	}
	if err := exchange.parse(); err != nil {
		return exchange.malformed(err)
	}
	if exchange.query, err = exchange.operation.decode(&exchange.request); err != nil {
		return exchange.malformed(err)
	}
	return exchange.takePlace()
}

// finish is called by the store, once, from any goroutine, perhaps before submit has
// returned. It does not block. A result after submit has returned is sent from a
// goroutine of the service, so that a slow broker never holds up the store.
func (exchange *exchange[Query, Result]) finish(result Result, err error) {
	exchange.result, exchange.failure = result, err
	if !exchange.progress.CompareAndSwap(submitting, finished) {
		exchange.weighResult()
		exchange.handOver()
	}
}

// handOver lets a goroutine of the service send the reply.
func (exchange *exchange[Query, Result]) handOver() {
	if exchange.waits {
		exchange.service.waitedReplies.push(exchange.address.Namespace, exchange)
	} else {
		exchange.service.replies.push(&exchange.waiting)
	}
}

// weighResult counts the result among the results in hand, or replaces it by a 503. It is
// the result of a read, which has changed nothing. The result of a write is counted
// before the commit, see remembered.
func (exchange *exchange[Query, Result]) weighResult() {
	if exchange.operation.weigh == nil || exchange.failure != nil || exchange.answered {
		return
	}
	if exchange.holdResult(exchange.operation.weigh(&exchange.result)) {
		return
	}
	var none Result
	exchange.result, exchange.failure = none, exchange.overload(tooManyReplies)
}

// send encodes the reply, gives the place back and then publishes, so that a requester
// with the reply may ask again at once. The exchange is over then.
func (exchange *exchange[Query, Result]) send() {
	answer := exchange.begun
	if answer == nil {
		answer = takeAnswer()
	}
	defer answer.release()
	defer exchange.release()
	exchange.replied = time.Now()
	failure := exchange.failure
	if reason := exchange.pass(exchange.replied); reason != nil {
		failure = exchange.withheld(failure, reason)
	}
	if failure == nil {
		failure = exchange.operation.encode(answer, &exchange.request, &exchange.query, &exchange.result)
	}
	exchange.leave()
	exchange.conclude(answer, failure)
}

// release gives the exchange back to its operation.
func (exchange *exchange[Query, Result]) release() {
	var noQuery Query
	var noResult Result
	exchange.request, exchange.query, exchange.result, exchange.failure = request{}, noQuery, noResult, nil
	exchange.progress.Store(submitting)
	exchange.operation.spent.Put(exchange)
}
