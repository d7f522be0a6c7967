// SPDX-License-Identifier: EUPL-1.2

package batch

import (
	"errors"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// DuePerBatch bounds how many entries that are due a batch looks at, so that a
// million expiring at once do not hold up everybody else.
const DuePerBatch = 512

// ExpiryFirstError is returned by a command that must not count keys whose time has come, if
// more of them are due in the realm than its batch may look at. The committer applies it again
// when they have expired.
type ExpiryFirstError struct{ realm kv.Realm }

// Error names the wait of the command.
func (*ExpiryFirstError) Error() string { return "keys whose time has come must expire first" }

// dueQueue returns the batch's way through a realm. A nested batch goes on from where
// the one below is, and takes it along when it is merged.
func (batch *Batch) dueQueue(of kv.Realm) *state.DueQueue {
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
// there is none. It returns ExpiryFirstError if there is one, and the batch has looked at as
// many as it may.
func (batch *Batch) expireNext(of kv.Realm) (expired bool, err error) {
	queue, looks := batch.dueQueue(of), batch.looksAtDue()
	for !expired {
		name, found, err := queue.Next(batch.view, of, batch.timestamp)
		if err != nil || !found {
			return false, err
		}
		if *looks == 0 {
			return false, &ExpiryFirstError{realm: of}
		}
		target, err := batch.target(name.Group, name.Key)
		if err != nil {
			return false, err
		}
		*looks--
		queue.Pass()
		if expired = target.entry.Expired(batch.timestamp); expired {
			batch.ExpireIfDue(target)
		} else {
			batch.stale = append(batch.stale, name)
		}
	}
	return true, nil
}

// looksAtDue is the number of due entries that the batch may still look at, together with its
// outer batches.
func (batch *Batch) looksAtDue() *int {
	for batch.nests {
		batch = batch.below
	}
	return &batch.looks
}

// ExpireAll logs the expiry of every due entry in a realm, or returns ExpiryFirstError. The
// logged expiries stay true either way.
func (batch *Batch) ExpireAll(of kv.Realm) error {
	for {
		if expired, err := batch.expireNext(of); err != nil || !expired {
			return err
		}
	}
}

// ExpireIfDue logs the expiry of an entry whose time has come, before a write to it.
func (batch *Batch) ExpireIfDue(target *Target) {
	if target.entry.Present() && target.entry.Expired(batch.timestamp) {
		batch.changed.AddExpiry(target.EntryName, &target.entry)
		batch.Record(target, changelog.Event{Type: changelog.EventExpire}, Origin{})
	}
}

// ExpireShare logs the expiry of due entries in a realm, after share looks no more, and reports
// whether none is left.
func (batch *Batch) ExpireShare(of kv.Realm, share int) (finished bool, err error) {
	looks := batch.looksAtDue()
	for least := *looks - share; ; {
		expired, err := batch.expireNext(of)
		if _, more := ExpiryFirst(err); more || err == nil && expired && *looks <= least {
			return false, nil
		}
		if err != nil || !expired {
			return err == nil, err
		}
	}
}

// LookAtMost bounds how many due entries the batch may still look at.
func (batch *Batch) LookAtMost(looks int) { *batch.looksAtDue() = min(batch.Looks(), looks) }

// Looks returns how many due entries the batch may still look at.
func (batch *Batch) Looks() int { return *batch.looksAtDue() }

// ExpiryFirst returns the realm that a command waits for, if that is why it failed.
func ExpiryFirst(err error) (of kv.Realm, waits bool) {
	if err == nil {
		return kv.Realm{}, false
	}
	var first *ExpiryFirstError
	if !errors.As(err, &first) {
		return kv.Realm{}, false
	}
	return first.realm, true
}
