// SPDX-License-Identifier: EUPL-1.2

package disk

import (
	"fmt"
	"sync/atomic"

	"dappco.re/go/storebus/store/internal/failure"
)

// Fault is why a store has stopped writing. The zero value is that of a store that writes.
type Fault struct{ broken atomic.Pointer[error] }

// Stopped returns why nothing is written any more, or nil. The error does not wrap the error
// that stopped the writing, because the outcome of later writes is known.
func (fault *Fault) Stopped() error {
	if broken := fault.broken.Load(); broken != nil {
		return fmt.Errorf("%w: writes have stopped until the store is opened again: %s", failure.ErrUnavailable, (*broken).Error())
	}
	return nil
}

func (fault *Fault) stop(err error) { fault.broken.Store(&err) }

// Writes reports whether the store still writes.
func (fault *Fault) Writes() bool { return fault.broken.Load() == nil }
