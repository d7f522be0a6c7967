// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"errors"
	"fmt"
)

var (
	// ErrNotDelivered is returned by Flush if the endpoint cannot be reached or takes nothing.
	ErrNotDelivered = errors.New("journal entries could not be delivered")
	// ErrStopped is returned by Flush after Stop. For a Delivery that Start did not make, Flush
	// and Stop return it.
	ErrStopped = errors.New("the delivery has stopped")
)

// failure is an attempt after which the entries are kept. It wraps ErrNotDelivered.
type failure struct {
	answer answer
}

func (failure *failure) Error() string {
	hint := ""
	if failure.answer.verdict == misdirected {
		hint = "; check the endpoint's URL, organisation, bucket and token"
	}
	return fmt.Sprintf("%s: %s%s", ErrNotDelivered, failure.answer.text(), hint)
}

func (failure *failure) Unwrap() error { return ErrNotDelivered }
