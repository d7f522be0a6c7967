// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql/driver"
	"slices"
	"time"
)

// dueEntry is an entry of a namespace whose time has come, and its place among them.
type dueEntry struct {
	expiresAt int64
	entryName
}

func (due dueEntry) compare(other dueEntry) int {
	if due.expiresAt != other.expiresAt {
		return int(min(max(due.expiresAt-other.expiresAt, -1), 1))
	}
	return compareEntryNames(due.entryName, other.entryName)
}

// duePerRead is how many entries that are due a batch reads of a namespace at once.
const duePerRead = 64

// dueOf returns some entries of a namespace whose time has come, behind one of them,
// in the order of their times, as the tables and the pending set know them. As with
// expired, that may be an older state of an entry.
func (view *view) dueOf(namespace string, now time.Time, after dueEntry, limit int) (due []dueEntry, err error) {
	due = view.pending.dueOf(namespace, now.UnixMilli(), after, limit)
	err = view.selectDue.query(func(row []driver.Value) bool {
		group, _ := row[1].(string)
		key, _ := row[2].(string)
		due = append(due, dueEntry{signed(row[0]), entryName{group, key}})
		return true
	}, namespace, now.UnixMilli(), after.expiresAt, after.group, after.key, int64(limit))
	slices.SortFunc(due, dueEntry.compare)
	due = slices.Compact(due)
	return due[:min(len(due), limit)], err
}

// dueQueue goes through what is due in a namespace, once for a batch.
type dueQueue struct {
	waiting []dueEntry
	last    dueEntry
	ended   bool
}

// expireNextDue logs the expiry of an entry of a namespace whose time has come, and
// returns false where there is none.
func (batch *batch) expireNextDue(name string, namespace *namespaceChange) (expired bool, err error) {
	for !expired {
		entry, found, err := batch.nextDue(name, &namespace.due)
		if err != nil || !found {
			return false, err
		}
		target, err := batch.target(entry.group, entry.key)
		if err != nil {
			return false, err
		}
		expired = target.entry.expired(batch.timestamp)
		batch.expireIfDue(target)
	}
	return true, nil
}

func (batch *batch) nextDue(name string, due *dueQueue) (entry dueEntry, found bool, err error) {
	if len(due.waiting) == 0 && !due.ended {
		due.waiting, err = batch.view.dueOf(name, batch.timestamp, due.last, duePerRead)
		due.ended = len(due.waiting) < duePerRead
	}
	if err != nil || len(due.waiting) == 0 {
		return dueEntry{}, false, err
	}
	due.last, due.waiting = due.waiting[0], due.waiting[1:]
	return due.last, true, nil
}

// expireNamespaceCommand logs the expiry of some entries of a namespace whose time
// has come.
type expireNamespaceCommand struct{ namespace string }

func (command expireNamespaceCommand) apply(batch *batch, _ origin) (Outcome, error) {
	namespace, err := batch.namespace(command.namespace)
	if err != nil {
		return Outcome{}, err
	}
	for range expiredPerBatch {
		if expired, err := batch.expireNextDue(command.namespace, namespace); err != nil || !expired {
			return Outcome{}, err
		}
	}
	return Outcome{}, nil
}

// submitWithoutDue puts a question about a namespace when nothing in it is due any
// more. Where expiries cannot be logged it is put all the same.
func (store *Store) submitWithoutDue(namespace string, question read, failed func(err error)) {
	store.submitRead(func(view *view) func() {
		due, err := view.dueOf(namespace, store.committer.clock.now(), dueEntry{}, 1)
		if err != nil || len(due) == 0 {
			return question(view)
		}
		return func() {
			store.Submit(expireNamespaceCommand{namespace}, func(_ Outcome, err error) {
				if err != nil {
					store.submitRead(question, failed)
				} else {
					store.submitWithoutDue(namespace, question, failed)
				}
			})
		}
	}, failed)
}
