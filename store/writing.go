// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/failure"
)

// Set stores value under key in a group, without expiry. It returns when the
// write is on disk.
//
//	err := store.Set("config", "theme", "dark")
func (store *Store) Set(group, key, value string) error {
	_, err := store.execute(SetCommand{Group: group, Key: key, Value: value})
	return operationError("store.Set", group, key, err)
}

// SetWithTTL is Set with a time to live. It returns ErrInvalidTTL outside MinTimeToLive to
// MaxTimeToLive.
//
//	err := store.SetWithTTL("session", "token", "abc123", 5*time.Minute)
func (store *Store) SetWithTTL(group, key, value string, timeToLive time.Duration) error {
	err := checkGiven(timeToLive)
	if err == nil {
		_, err = store.execute(SetCommand{Group: group, Key: key, Value: value, TimeToLive: timeToLive})
	}
	return operationError("store.SetWithTTL", group, key, err)
}

// checkGiven refuses the time to live that a program has forgotten to fill in.
func checkGiven(timeToLive time.Duration) error {
	if timeToLive == 0 {
		return fmt.Errorf("%w: 0 s; use Set for no expiry", failure.ErrInvalidTTL)
	}
	return nil
}

// Create is Set for a missing key, and returns the revision of the new entry. It returns
// RevisionConflictError if the key exists.
//
//	revision, err := store.Create("lock", "leader", "node-1")
func (store *Store) Create(group, key, value string) (uint64, error) {
	outcome, err := store.execute(SetCommand{Group: group, Key: key, Value: value, IfRevision: new(uint64)})
	return outcome.Revision, operationError("store.Create", group, key, err)
}

// Update is Set for a key with this revision, 0 for a missing key. It returns the new revision,
// which the next Update takes. It returns RevisionConflictError if the key has another
// revision.
//
//	revision, err := store.Update("config", "theme", "light", 41)
func (store *Store) Update(group, key, value string, revision uint64) (uint64, error) {
	outcome, err := store.execute(SetCommand{Group: group, Key: key, Value: value, IfRevision: &revision})
	return outcome.Revision, operationError("store.Update", group, key, err)
}

// Delete removes a key. A missing key is not an error.
//
//	err := store.Delete("config", "theme")
func (store *Store) Delete(group, key string) error {
	_, err := store.execute(DeleteCommand{Group: group, Key: key})
	return operationError("store.Delete", group, key, err)
}

// DeleteAt is Delete for a key with this revision, 0 for a missing key. It returns
// RevisionConflictError if the key has another revision.
//
//	err := store.DeleteAt("config", "theme", 41)
func (store *Store) DeleteAt(group, key string, revision uint64) error {
	_, err := store.execute(DeleteCommand{Group: group, Key: key, IfRevision: &revision})
	return operationError("store.DeleteAt", group, key, err)
}

// Touch changes the expiry of a key and leaves the value as it is. A timeToLive of 0 removes
// the expiry. It returns the new revision of the entry, or NotFoundError.
//
//	revision, err := store.Touch("session", "token", 5*time.Minute)
func (store *Store) Touch(group, key string, timeToLive time.Duration) (uint64, error) {
	outcome, err := store.execute(TouchCommand{Group: group, Key: key, TimeToLive: timeToLive})
	return outcome.Revision, operationError("store.Touch", group, key, err)
}

// Increment adds by to the number of a key and returns the sum. A missing key counts from 0.
// The expiry stays as it is. It returns ErrNotANumber for a value that is not an int64, and
// ErrOverflow for a sum that is not an int64.
//
//	visits, err := store.Increment("counters", "visits", 1)
func (store *Store) Increment(group, key string, by int64) (int64, error) {
	outcome, err := store.execute(IncrementCommand{Group: group, Key: key, By: by})
	return outcome.Number, operationError("store.Increment", group, key, err)
}

func operationError(operation, group, key string, err error) error {
	if err == nil {
		return nil
	}
	if _, named := errors.AsType[*failure.NotFoundError](err); named {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return fmt.Errorf("%s: group %q key %q: %w", operation, group, key, err)
}

// DeleteGroup removes every key of a group. A group without keys is not an error.
//
//	err := store.DeleteGroup("session")
func (store *Store) DeleteGroup(group string) error {
	_, err := store.execute(DeleteGroupCommand{Group: group})
	return operationError("store.DeleteGroup", group, "", err)
}

// DeletePrefix removes every key of the groups whose names begin with prefix, byte
// for byte; "" is every group. It returns TooManyGroupsError for more than
// MaxGroupsPerDelete groups.
//
//	err := store.DeletePrefix("tenant-a:")
func (store *Store) DeletePrefix(prefix string) error {
	if _, err := store.execute(DeletePrefixCommand{Prefix: prefix}); err != nil {
		return fmt.Errorf("store.DeletePrefix: prefix %q: %w", prefix, err)
	}
	return nil
}

// Submit hands a command to the committer and returns. It calls done once, after the commit or
// with the error, from a goroutine of the store. If the store is closed, it calls done before
// Submit returns. The store calls the done functions of all Submits one after the other, so
// done must not block; SubmitTo changes who calls them. Commands that name the same group are
// carried out in the order of Submit. A DeletePrefixCommand names no group.
//
//	store.Submit(store.SetCommand{Group: "acme:config", Key: "theme", Value: "dark"},
//		func(outcome store.Outcome, err error) { … })
func (store *Store) Submit(command Command, done func(Outcome, error)) {
	err := commands.Check(command)
	if err == nil && !store.opened() {
		err = failure.ErrNeverOpened
	}
	if err == nil {
		err = store.engine.Submit(command, store.outlet, done)
	}
	if err != nil {
		fail(done, err)
	}
}

// SubmitRequest is Submit for a command that is answered in the same transaction: the Outcome
// has the Answer. If the request has an id, the store remembers a success for RetryWindow,
// across a restart. The same request then gets the same answer, and is not carried out again.
// Errors are not remembered. If the answer to a request with an id is longer than
// MaxAnswerBytes, the error is TooLargeError, and nothing is changed.
//
//	store.SubmitRequest(store.Request{Namespace: "acme", ID: "4Xr9", Digest: digest, Answer: encode},
//		store.IncrementCommand{Group: "acme:counters", Key: "visits", By: 1},
//		func(outcome store.Outcome, err error) { … })
func (store *Store) SubmitRequest(request Request, command Command, done func(Outcome, error)) {
	if err := commands.Check(command); err != nil {
		fail(done, err)
		return
	}
	store.Submit(commands.Answer(request, command), done)
}

// execute carries out a command for a caller that waits, and runs the callbacks
// of OnChange for it.
func (store *Store) execute(command Command) (Outcome, error) {
	outcome, events, err := store.carryOut(command, batch.Origin{FromCaller: true})
	if len(events) > 0 {
		store.followers.RunCallbacks(events)
	}
	return outcome, err
}

// carryOut is execute without the callbacks. It returns the changes of the command.
func (store *Store) carryOut(command Command, origin batch.Origin) (Outcome, []Event, error) {
	if !store.opened() {
		return Outcome{}, nil, failure.ErrNeverOpened
	}
	return store.engine.CarryOut(command, origin)
}

// Transaction calls function with a transaction that runs alone: while function runs, nothing
// else reads from the database or writes to it. If function returns nil, all of its writes are
// committed together. If it returns an error, or panics, all writes are dropped, and
// Transaction returns the error. Events go out after the commit.
//
// function must use the transaction and not the store: a call of the store waits for the end of
// the transaction, as all other callers do. After StoreConfig.TransactionTimeout the
// transaction is dropped and the waiting calls are served. When function returns, Transaction
// returns ErrTransactionTimeout.
//
//	err := store.Transaction(func(transaction *store.StoreTransaction) error {
//		left, err := transaction.Increment("stock", "apples", -1)
//		if err == nil && left < 0 {
//			err = errors.New("no apples left")
//		}
//		return err
//	})
func (store *Store) Transaction(function func(transaction *StoreTransaction) error) error {
	err := checkFunction(function)
	if !store.opened() {
		err = failure.ErrNeverOpened
	}
	if err != nil {
		return fmt.Errorf("store.Transaction: %w", err)
	}
	events, err := store.engine.Transact(func(lending *engine.Lending) error { return function(&StoreTransaction{lending: lending}) })
	store.followers.RunCallbacks(events)
	if err != nil {
		return fmt.Errorf("store.Transaction: %w", err)
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
