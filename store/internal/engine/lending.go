// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
)

// Lending is a transaction of a callback: the committer is lent to the callback, operation by
// operation, until it has returned. Any number of goroutines may use it. As a command, it is the
// one that is not pure: it has its batch to itself, and is applied once.
type Lending struct {
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

// Transact calls function, and commits its operations together. It returns the changes, and the
// error of the callback or of the commit. After the time for transactions, the operations are
// dropped and the committer goes on. Transact still waits for the callback.
func (engine *Engine) Transact(function func(lending *Lending) error) ([]changelog.Event, error) {
	lending := &Lending{timeout: engine.config.TransactionTimeout, begun: make(chan struct{}), verdict: make(chan error, 1)}
	own := &write{command: lending, origin: batch.Origin{FromCaller: true}}
	verdict := engine.transact(lending, own, function)
	return own.events, transactionError(verdict, own.err)
}

// transact returns the result of the callback, when the write is carried out.
func (engine *Engine) transact(lending *Lending, own *write, function func(lending *Lending) error) (verdict error) {
	defer engine.callers.Add(-1)
	if engine.callers.Add(1) == 1 {
		if lent, verdict := engine.lendHere(lending, own, function); lent {
			if own.written != nil {
				<-own.written
			}
			return verdict
		}
	}
	own.written = make(chan struct{})
	if err := engine.put(own); err != nil {
		own.err = err
		return nil
	}
	select {
	case <-lending.begun:
		verdict = lending.run(function)
	case <-own.written:
	}
	<-own.written
	return verdict
}

// transactionError joins the error of the callback and the error of the transaction.
func transactionError(verdict, err error) error {
	switch {
	case verdict == nil:
		return err
	case errors.Is(err, failure.ErrTransactionTimeout) && !errors.Is(verdict, failure.ErrTransactionTimeout):
		return fmt.Errorf("%w: %w", err, verdict)
	default:
		return verdict
	}
}

// Perform carries out an operation of a callback in the place of the committer, which waits.
func Perform[Result any](lending *Lending, operation func(batch *batch.Batch, origin batch.Origin) (Result, error)) (performed Result, err error) {
	lending.mutex.Lock()
	defer lending.mutex.Unlock()
	if lending.cause != nil {
		return performed, lending.cause
	}
	return operation(lending.nested, lending.origin)
}

// errAbandoned is the verdict of a callback that panicked.
var errAbandoned = errors.New("callback did not return")

// run calls the callback. However that ends, the committer is told.
func (lending *Lending) run(function func(lending *Lending) error) error {
	verdict := errAbandoned
	defer func() { lending.verdict <- verdict }()
	verdict = function(lending)
	return verdict
}

// Apply lends the committer, and merges the operations if the callback returns nil.
func (lending *Lending) Apply(batch *batch.Batch, origin batch.Origin) (commands.Outcome, error) {
	lending.begin(batch, origin)
	verdict := lending.wait()
	lending.end(verdict)
	return commands.Outcome{}, lending.conclude(batch, verdict)
}

// Grows reports true: nobody knows what the callback will do.
func (*Lending) Grows() bool { return true }

// Groups is empty: the caller waits for its transaction, and promises no order.
func (*Lending) Groups() []string { return nil }

// begin has operations carried out on a batch that is nested in one.
func (lending *Lending) begin(batch *batch.Batch, origin batch.Origin) {
	// A callback that counts has all due keys expire at once: it cannot be called again.
	batch.LookAtAll()
	lending.nested, lending.origin = batch.Nested(), origin
}

// conclude merges the writes of the transaction, unless the verdict is against it.
func (lending *Lending) conclude(batch *batch.Batch, verdict error) error {
	if verdict == nil {
		lending.nested.MarkTransaction()
		batch.Merge(lending.nested)
	}
	lending.nested = nil
	return verdict
}

// wait lends the committer, and returns the verdict of the callback.
func (lending *Lending) wait() error {
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

func (lending *Lending) timedOut() error {
	return fmt.Errorf("%w: its time is %s", failure.ErrTransactionTimeout, lending.timeout)
}

// end waits for a running operation, and refuses later ones. It returns false if the end has
// come before.
func (lending *Lending) end(verdict error) bool {
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
func (engine *Engine) lendHere(lending *Lending, own *write, function func(lending *Lending) error) (lent bool, verdict error) {
	committer := engine.lendForWrite()
	if committer == nil {
		return false, nil
	}
	if own.err = cmp.Or(committer.refusal(), committer.scarcity(lending)); own.err != nil {
		engine.Return(committer)
		return true, nil
	}
	batch := committer.nextBatch()
	lending.begin(batch, own.origin)
	reclaim := time.AfterFunc(lending.timeout, func() {
		if lending.end(lending.timedOut()) {
			engine.giveBack(committer)
		}
	})
	verdict = errAbandoned
	defer func() {
		reclaim.Stop()
		if !lending.end(verdict) {
			own.err = lending.cause
			return
		}
		defer engine.giveBack(committer)
		own.err = lending.conclude(batch, verdict)
		own.events = batch.Events()
		committer.finish([]*write{own}, batch)
		if !own.completed {
			own.written = make(chan struct{})
		}
	}()
	verdict = function(lending)
	return true, verdict
}

// untilLending is how many of the writes may share a batch: a transaction of a
// caller has one to itself, so that nobody waits for its callback but those behind it.
func untilLending(writes []*write) int {
	if first := slices.IndexFunc(writes, (*write).lends); first >= 0 {
		return max(first, 1)
	}
	return len(writes)
}

// lends reports whether a write is a transaction of a caller. Its callback must not run again.
func (write *write) lends() bool {
	_, lends := write.command.(*Lending)
	return lends
}
