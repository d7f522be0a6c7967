// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
)

// lending is the command of Store.Transaction: applying it lends the committer to
// the callback, operation by operation, until it has returned.
type lending struct {
	timeout time.Duration
	// begun is closed when the committer is lent.
	begun chan struct{}
	// verdict receives the result of the callback.
	verdict chan error

	// mutex is held during an operation, and to end the lending.
	mutex sync.Mutex
	// nested is the batch of the operations, which are of an origin.
	nested *batch.Batch
	origin batch.Origin
	// cause is why no more operations are carried out; nil while they are.
	cause error
}

func newLending(timeout time.Duration) *lending {
	return &lending{
		timeout: timeout,
		begun:   make(chan struct{}),
		verdict: make(chan error, 1),
	}
}

// errAbandoned is the verdict of a callback that panicked.
var errAbandoned = errors.New("callback did not return")

// run calls the callback. However that ends, the committer is told.
func (lending *lending) run(function func(transaction *StoreTransaction) error) error {
	verdict := errAbandoned
	defer func() { lending.verdict <- verdict }()
	verdict = function(&StoreTransaction{lending: lending})
	return verdict
}

// Apply is the one command that is not pure: it has its batch to itself, and is
// applied once.
func (lending *lending) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	lending.begin(batch, origin)
	verdict := lending.wait()
	lending.end(verdict)
	return Outcome{}, lending.conclude(batch, verdict)
}

// begin has operations carried out on a batch that is nested in one.
func (lending *lending) begin(batch *batch.Batch, origin batch.Origin) {
	// A callback that counts has all that is due expire at once: it cannot be called again.
	batch.LookAtAll()
	lending.nested, lending.origin = batch.Nested(), origin
}

// conclude merges the writes of the transaction, unless the verdict is against it.
func (lending *lending) conclude(batch *batch.Batch, verdict error) error {
	if verdict == nil {
		lending.nested.MarkTransaction()
		batch.Merge(lending.nested)
	}
	lending.nested = nil
	return verdict
}

// Groups is empty: the caller waits for its transaction, and promises no order.
func (*lending) Groups() []string { return nil }

// wait lends the committer, and returns the verdict of the callback.
func (lending *lending) wait() error {
	timer := time.NewTimer(lending.timeout)
	defer timer.Stop()
	close(lending.begun)
	select {
	case verdict := <-lending.verdict:
		return verdict
	case <-timer.C:
		return lending.timedOut()
	}
}

func (lending *lending) timedOut() error {
	return fmt.Errorf("%w: its time is %s", failure.ErrTransactionTimeout, lending.timeout)
}

// end waits for a running operation, and refuses later ones. It returns false if the end has
// come before.
func (lending *lending) end(verdict error) bool {
	lending.mutex.Lock()
	defer lending.mutex.Unlock()
	if lending.cause != nil {
		return false
	}
	lending.cause = failure.ErrTransactionEnded
	if errors.Is(verdict, failure.ErrTransactionTimeout) {
		lending.cause = verdict
	}
	return true
}

// lendHere calls the callback as the owner of the committer, or returns false. When
// the time is over, the committer is taken back while the callback still runs.
func (engine *engine) lendHere(lending *lending, own *write, function func(transaction *StoreTransaction) error) (lent bool, verdict error) {
	committer := engine.lendForWrite()
	if committer == nil {
		return false, nil
	}
	if own.err = committer.refusal(); own.err != nil {
		committer.owner.release(committer)
		return true, nil
	}
	batch := committer.nextBatch()
	lending.begin(batch, own.origin)
	reclaim := time.AfterFunc(lending.timeout, func() {
		if lending.end(lending.timedOut()) {
			committer.giveBack()
		}
	})
	verdict = errAbandoned
	defer func() {
		reclaim.Stop()
		if !lending.end(verdict) {
			own.err = lending.cause
			return
		}
		defer committer.giveBack()
		own.err = lending.conclude(batch, verdict)
		own.events = batch.Events()
		committer.finish([]*write{own}, batch)
		if !own.completed {
			own.written = make(chan struct{})
		}
	}()
	verdict = function(&StoreTransaction{lending: lending})
	return true, verdict
}

// untilLending is how many of the writes may share a batch: a transaction of a
// caller has one to itself, so that nobody waits for its callback but those behind it.
func untilLending(writes []*write) int {
	for index, write := range writes {
		if _, lends := write.command.(*lending); lends {
			return max(index, 1)
		}
	}
	return len(writes)
}
