// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"cmp"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// dueEntry is an entry whose deadline has come, and its place in the order of deadlines.
type dueEntry struct {
	expiresAt int64
	kv.EntryName
}

func (due dueEntry) compare(other dueEntry) int {
	if order := cmp.Compare(due.expiresAt, other.expiresAt); order != 0 {
		return order
	}
	return kv.CompareEntryNames(due.EntryName, other.EntryName)
}

// duePerRead is how many due entries are read at once.
const duePerRead = 64

// The queries for due entries, in the whole store and in one realm. Each has an index of its
// own, which a test of package store checks.
const (
	SelectDue = `SELECT expires_at, group_name, entry_key FROM entries
		WHERE expires_at <= ? AND (expires_at, group_name, entry_key) > (?, ?, ?)
		ORDER BY expires_at, group_name, entry_key LIMIT ?`
	SelectDueOfRealm = `SELECT expires_at, group_name, entry_key FROM entries
		WHERE substr(CAST(group_name AS BLOB), 1, instr(CAST(group_name AS BLOB), x'3a') - 1) IS ?
			AND expires_at <= ? AND (expires_at, group_name, entry_key) > (?, ?, ?)
		ORDER BY expires_at, group_name, entry_key LIMIT ?`
)

// SelectNextRealm finds the next realm in the order of names, and when its first key expires.
const SelectNextRealm = `SELECT substr(CAST(group_name AS BLOB), 1, instr(CAST(group_name AS BLOB), x'3a') - 1) AS realm, expires_at FROM entries
	WHERE substr(CAST(group_name AS BLOB), 1, instr(CAST(group_name AS BLOB), x'3a') - 1) > ? AND expires_at IS NOT NULL
	ORDER BY realm, expires_at LIMIT 1`

// due returns due entries of a realm behind a given one, in the order of their times, from
// the tables and the pending set. An entry may be in an older state: it may have another
// expiry since, or be gone. If there are fewer than limit, they are the last.
func (view *View) due(realm kv.Realm, now time.Time, after dueEntry, limit int) (due []dueEntry, err error) {
	due = view.pending.due(realm, now.UnixMilli(), after, limit)
	take := func(row sqlite.Row) bool {
		due = append(due, dueEntry{row.Signed(0), kv.EntryName{Group: row.Text(1), Key: row.Text(2)}})
		return true
	}
	place := sqlite.Row{now.UnixMilli(), after.expiresAt, after.Group, after.Key, int64(limit)}
	if realm.Whole {
		err = view.selectDue.Query(take, place...)
	} else {
		err = view.selectDueOfRealm.Query(take, append(sqlite.Row{[]byte(realm.Name)}, place...)...)
	}
	if err == nil && realm == kv.RealmOf("") {
		// For SQLite a part of the empty name is NULL.
		err = view.selectDueOfRealm.Query(take, append(sqlite.Row{nil}, place...)...)
	}
	slices.SortFunc(due, dueEntry.compare)
	due = slices.Compact(due)
	return due[:min(len(due), limit)], err
}

// NextExpiry returns the next time at which an entry may expire, zero if none does.
func (view *View) NextExpiry() (time.Time, error) {
	milliseconds, found, err := view.selectNextExpiry.Integer()
	if first, waits := view.pending.firstExpiry(); waits && (!found || first < milliseconds) {
		milliseconds, found = first, true
	}
	if !found {
		return time.Time{}, err
	}
	return time.UnixMilli(milliseconds).UTC(), err
}

// realmsPerLook is how many realms NextDueRealms looks at.
const realmsPerLook = 64

// NextDueRealms looks at some realms with keys that expire, and calls visit for those in which a key
// may be due. Each call goes on behind the one before. Behind the last realm the next call begins again.
func (view *View) NextDueRealms(now time.Time, visit func(kv.Realm)) (err error) {
	for range realmsPerLook {
		realm, found := kv.RealmOf(""), true
		var isDue bool
		if view.dueBegun {
			var first int64
			realm, first, found, err = view.realmBehind(view.dueRealm)
			isDue = first <= now.UnixMilli()
		} else {
			isDue, err = view.IsDue(realm, now)
		}
		if view.dueBegun, view.dueRealm = err == nil && found, realm; !view.dueBegun {
			return err
		}
		if isDue {
			visit(realm)
		}
	}
	return nil
}

// realmBehind returns the next realm with keys that expire, and when the first of them may.
func (view *View) realmBehind(before kv.Realm) (next kv.Realm, first int64, found bool, err error) {
	next, first, found = view.pending.realmBehind(before)
	err = view.selectNextRealm.Query(func(row sqlite.Row) bool {
		stored := kv.Realm{Name: string(row.Bytes(0))}
		if order := stored.Compare(next); !found || order < 0 || order == 0 && row.Signed(1) < first {
			next, first, found = stored, row.Signed(1), true
		}
		return false
	}, []byte(before.Name))
	return next, first, found, err
}

// IsDue reports whether an entry of a realm may be due.
func (view *View) IsDue(of kv.Realm, now time.Time) (bool, error) {
	due, err := view.due(of, now, dueEntry{}, 1)
	return len(due) > 0, err
}

// DueQueue is the progress through the due entries of a realm. A copy goes its own way from there.
type DueQueue struct {
	waiting []dueEntry
	last    dueEntry
	ended   bool
}

// Next returns the next entry that is due, which stays until it is passed.
func (queue *DueQueue) Next(view *View, of kv.Realm, now time.Time) (name kv.EntryName, found bool, err error) {
	if len(queue.waiting) == 0 && !queue.ended {
		queue.waiting, err = view.due(of, now, queue.last, duePerRead)
		queue.ended = err == nil && len(queue.waiting) < duePerRead
	}
	if err != nil || len(queue.waiting) == 0 {
		return kv.EntryName{}, false, err
	}
	return queue.waiting[0].EntryName, true, nil
}

// Pass goes on behind the entry that Next returned.
func (queue *DueQueue) Pass() { queue.last, queue.waiting = queue.waiting[0], queue.waiting[1:] }
