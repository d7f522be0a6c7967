// SPDX-License-Identifier: EUPL-1.2

package disk

import (
	"fmt"
	"sync/atomic"

	"dappco.re/go/storebus/store/internal/failure"
)

// Fault is why a store does not write. The zero value is that of a store that writes.
type Fault struct{ stopped atomic.Pointer[stopped] }

// stopped has the error for callers, and the reason for the operator.
type stopped struct{ refusal, reason error }

// Stopped returns why nothing is written any more, or nil. The error does not wrap the error
// that stopped the writing, because the outcome of later writes is known.
func (fault *Fault) Stopped() error {
	if stopped := fault.stopped.Load(); stopped != nil {
		return stopped.refusal
	}
	return nil
}

// Reason is Stopped with all that an operator may know, and others may not.
func (fault *Fault) Reason() error {
	if stopped := fault.stopped.Load(); stopped != nil {
		return stopped.reason
	}
	return nil
}

// Writes reports whether the store still writes.
func (fault *Fault) Writes() bool { return fault.stopped.Load() == nil }

// Forbid has a store not write from its beginning. Callers get the refusal, which wraps
// ErrUnavailable, and the operator the reason.
func (fault *Fault) Forbid(refusal, reason error) {
	fault.stopped.Store(&stopped{refusal: refusal, reason: reason})
}

// stop ends the writing.
func (fault *Fault) stop(err error) {
	refusal := fmt.Errorf("%w: writes have stopped until the store is opened again: %s", failure.ErrUnavailable, err.Error())
	fault.Forbid(refusal, refusal)
}
