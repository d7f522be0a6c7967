// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"

	"dappco.re/go/storebus/store/internal/failure"
)

// opened reports whether New or NewConfigured has made the store.
func (store *Store) opened() bool {
	return store != nil && store.shared != nil && store.engine != nil
}

// unusable returns why the store takes no calls, nil if it does.
func (store *Store) unusable() error {
	switch {
	case !store.opened():
		return failure.ErrNeverOpened
	case store.closing.Load():
		return failure.ErrClosed
	default:
		return nil
	}
}

// put hands a write to the committer.
func (store *Store) put(write *write) error {
	if !store.opened() {
		return failure.ErrNeverOpened
	}
	write.outlet = store.outlet
	if !store.engine.writes.put(write) {
		return failure.ErrClosed
	}
	return nil
}

// checkFunction returns ErrInvalidArgument for a nil function.
func checkFunction[Function any](function func(Function) error) error {
	if function == nil {
		return fmt.Errorf("%w: the function is nil", failure.ErrInvalidArgument)
	}
	return nil
}
