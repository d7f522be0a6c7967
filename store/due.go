// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"database/sql/driver"
	"slices"
	"strings"
	"time"

	"dappco.re/go/storebus/store/internal/sqlite"
)

// realm is a part of the store whose due entries are found separately, however many are due
// elsewhere. It is the whole store, or all groups with the same text before their first colon.
// That text is their namespace, if it can be one.
type realm struct {
	whole bool
	name  string
}

var wholeStore = realm{whole: true}

// realmOf is the realm that a group lies in.
func realmOf(group string) realm {
	name, _, found := strings.Cut(group, ":")
	if !found {
		return realm{}
	}
	return realm{name: name}
}

// realmOfPrefix returns the realm of every group whose name begins with prefix.
func realmOfPrefix(prefix string) realm {
	if !strings.Contains(prefix, ":") {
		return wholeStore
	}
	return realmOf(prefix)
}

// holds reports whether a group lies in the realm.
func (realm realm) holds(group string) bool { return realm.whole || realmOf(group) == realm }

func (realm realm) compare(other realm) int {
	if realm.whole != other.whole {
		return index(other.whole) - index(realm.whole)
	}
	return strings.Compare(realm.name, other.name)
}

// dueEntry is an entry whose time has come, and its place among them.
type dueEntry struct {
	expiresAt int64
	entryName
}

func (due dueEntry) compare(other dueEntry) int {
	if order := cmp.Compare(due.expiresAt, other.expiresAt); order != 0 {
		return order
	}
	return compareEntryNames(due.entryName, other.entryName)
}

// The queries for due entries, in the whole store and in one realm. Each has an index of its
// own.
const (
	selectDue = `SELECT expires_at, group_name, entry_key FROM entries
		WHERE expires_at <= ? AND (expires_at, group_name, entry_key) > (?, ?, ?)
		ORDER BY expires_at, group_name, entry_key LIMIT ?`
	selectDueOfRealm = `SELECT expires_at, group_name, entry_key FROM entries
		WHERE substr(CAST(group_name AS BLOB), 1, instr(CAST(group_name AS BLOB), x'3a') - 1) IS ?
			AND expires_at <= ? AND (expires_at, group_name, entry_key) > (?, ?, ?)
		ORDER BY expires_at, group_name, entry_key LIMIT ?`
)

// due returns some due entries of a realm behind a given one, in the order of their times, as
// the tables and the pending set have them. An entry may be in an older state: it may have got
// another expiry since, or be gone. Fewer than limit entries are the last.
func (view *view) due(realm realm, now time.Time, after dueEntry, limit int) (due []dueEntry, err error) {
	due = view.pending.due(realm, now.UnixMilli(), after, limit)
	take := func(row []driver.Value) bool {
		group, _ := row[1].(string)
		key, _ := row[2].(string)
		due = append(due, dueEntry{sqlite.Signed(row[0]), entryName{group, key}})
		return true
	}
	place := []driver.Value{now.UnixMilli(), after.expiresAt, after.group, after.key, int64(limit)}
	if realm.whole {
		err = view.selectDue.Query(take, place...)
	} else {
		err = view.selectDueOfRealm.Query(take, append([]driver.Value{[]byte(realm.name)}, place...)...)
	}
	if err == nil && realm == realmOf("") {
		// For SQLite a part of the empty name is NULL.
		err = view.selectDueOfRealm.Query(take, append([]driver.Value{nil}, place...)...)
	}
	slices.SortFunc(due, dueEntry.compare)
	due = slices.Compact(due)
	return due[:min(len(due), limit)], err
}

// nextExpiry returns the next time at which an entry may expire, zero if none does.
func (view *view) nextExpiry() (time.Time, error) {
	milliseconds, found, err := view.selectNextExpiry.Integer()
	if first, waits := view.pending.firstExpiry(); waits && (!found || first < milliseconds) {
		milliseconds = first
	}
	return timeOfMilliseconds(milliseconds), err
}
