// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// lending is the command of Store.Transaction: applying it lends the committer to
// the caller's goroutine, operation by operation, until the callback has returned.
type lending struct {
	timeout time.Duration
	// begun is closed when the committer serves the operations.
	begun      chan struct{}
	operations chan func(batch *batch, origin origin)
	// verdict takes what the callback has returned.
	verdict chan error
	// ended is closed when no more operations are served; cause, which says why, is
	// set before.
	ended chan struct{}
	cause error
}

func newLending(timeout time.Duration) *lending {
	return &lending{
		timeout:    timeout,
		begun:      make(chan struct{}),
		operations: make(chan func(batch *batch, origin origin)),
		verdict:    make(chan error, 1),
		ended:      make(chan struct{}),
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

// apply is the one command that is not pure: it has its batch to itself, and is
// applied once.
func (lending *lending) apply(batch *batch, origin origin) (Outcome, error) {
	// A callback that counts has all that is due expire at once: it cannot be called again.
	batch.looks = math.MaxInt
	nested := batch.nested()
	err := lending.serve(nested, origin)
	lending.cause = ErrTransactionEnded
	if errors.Is(err, ErrTransactionTimeout) {
		lending.cause = err
	}
	close(lending.ended)
	if err != nil {
		return Outcome{}, err
	}
	nested.markTransaction()
	batch.merge(nested)
	return Outcome{}, nil
}

// groups is empty: the caller waits for its transaction, and promises no order.
func (*lending) groups() []string { return nil }

// serve carries out the operations of the callback, and returns its verdict.
func (lending *lending) serve(batch *batch, origin origin) error {
	timer := time.NewTimer(lending.timeout)
	defer timer.Stop()
	close(lending.begun)
	for {
		select {
		case operation := <-lending.operations:
			operation(batch, origin)
		case verdict := <-lending.verdict:
			return verdict
		case <-timer.C:
			return fmt.Errorf("%w: its time is %s", ErrTransactionTimeout, lending.timeout)
		}
	}
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
