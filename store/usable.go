// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"reflect"

	"dappco.re/go/storebus/store/internal/kv"
)

// errNeverOpened is the error of a nil Store, of the zero Store, and of everything made from
// one. They are as closed as a store after Close.
var errNeverOpened = fmt.Errorf("%w: it was never opened; use New or NewConfigured", kv.ErrClosed)

// opened reports whether New or NewConfigured has made the store.
func (store *Store) opened() bool {
	return store != nil && store.shared != nil && store.committer != nil
}

// unusable returns why the store takes no calls, nil if it does.
func (store *Store) unusable() error {
	switch {
	case !store.opened():
		return errNeverOpened
	case store.closing.Load():
		return kv.ErrClosed
	default:
		return nil
	}
}

// put hands a write to the committer.
func (store *Store) put(write *write) error {
	if !store.opened() {
		return errNeverOpened
	}
	write.outlet = store.outlet
	if !store.committer.writes.put(write) {
		return kv.ErrClosed
	}
	return nil
}

// checkContext returns ErrInvalidArgument for a nil context.
func checkContext(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("%w: the context is nil; use context.Background()", kv.ErrInvalidArgument)
	}
	return nil
}

// checkFunction returns ErrInvalidArgument for a nil function.
func checkFunction[Function any](function func(Function) error) error {
	if function == nil {
		return fmt.Errorf("%w: the function is nil", kv.ErrInvalidArgument)
	}
	return nil
}

// checkCommand returns ErrInvalidArgument for a command that cannot be carried out: none,
// or a pointer, which may be nil and which nobody takes for the command it points to.
func checkCommand(command any) error {
	switch value := reflect.ValueOf(command); {
	case !value.IsValid():
		return fmt.Errorf("%w: the command is nil", kv.ErrInvalidArgument)
	case value.Kind() == reflect.Pointer:
		return fmt.Errorf("%w: the command is a %T; use the value it points to", kv.ErrInvalidArgument, command)
	default:
		return nil
	}
}
