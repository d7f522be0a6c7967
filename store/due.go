// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// duePerBatch bounds how many entries that are due a batch looks at, so that a
// million expiring at once do not hold up everybody else.
const duePerBatch = 512

// expiryFirstError is returned by a command that must not count keys whose time has come, if
// more of them are due in the realm than its batch may look at. The committer applies it again
// when they have expired.
type expiryFirstError struct{ realm kv.Realm }

// Error names the wait of the command.
func (*expiryFirstError) Error() string { return "keys whose time has come must expire first" }

// dueQueue returns the batch's way through a realm. A nested batch goes on from where
// the one below is, and takes it along when it is merged.
func (batch *batch) dueQueue(of kv.Realm) *state.DueQueue {
	queue, known := batch.due[of]
	if known {
		return queue
	}
	queue = &state.DueQueue{}
	if batch.below != nil {
		*queue = *batch.below.dueQueue(of)
	}
	if batch.due == nil { // few batches need it
		batch.due = map[kv.Realm]*state.DueQueue{}
	}
	batch.due[of] = queue
	return queue
}

// expireNext logs the expiry of an entry of a realm whose time has come, and returns false if
// there is none. It returns expiryFirstError if there is one, and the batch has looked at as
// many as it may.
func (batch *batch) expireNext(of kv.Realm) (expired bool, err error) {
	queue, looks := batch.dueQueue(of), batch.looksAtDue()
	for !expired {
		name, found, err := queue.Next(batch.view, of, batch.timestamp)
		if err != nil || !found {
			return false, err
		}
		if *looks == 0 {
			return false, &expiryFirstError{realm: of}
		}
		target, err := batch.target(name.Group, name.Key)
		if err != nil {
			return false, err
		}
		*looks--
		queue.Pass()
		if expired = target.entry.Expired(batch.timestamp); expired {
			batch.expireIfDue(target)
		} else {
			batch.stale = append(batch.stale, name)
		}
	}
	return true, nil
}

// looksAtDue is the number of due entries that the batch may still look at, together with its
// outer batches.
func (batch *batch) looksAtDue() *int {
	for batch.nests {
		batch = batch.below
	}
	return &batch.looks
}

// expireAll logs the expiry of every due entry in a realm, or returns expiryFirstError. The
// logged expiries stay true either way.
func (batch *batch) expireAll(of kv.Realm) error {
	for {
		if expired, err := batch.expireNext(of); err != nil || !expired {
			return err
		}
	}
}

// expireIfDue logs the expiry of an entry whose time has come, before a write to it.
func (batch *batch) expireIfDue(target *target) {
	if target.entry.Present() && target.entry.Expired(batch.timestamp) {
		batch.changed.AddExpiry(target.EntryName, &target.entry)
		batch.record(target, changelog.Event{Type: EventExpire}, origin{})
	}
}

// expiryFirst returns the realm that a command waits for, if that is why it failed.
func expiryFirst(err error) (of kv.Realm, waits bool) {
	if err == nil {
		return kv.Realm{}, false
	}
	var first *expiryFirstError
	if !errors.As(err, &first) {
		return kv.Realm{}, false
	}
	return first.realm, true
}
