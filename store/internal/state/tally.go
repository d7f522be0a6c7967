// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"time"

	"dappco.re/go/storebus/store/internal/kv"
)

// tallies count, by realm, due keys whose expiry cannot be logged. The reported numbers of
// keys, groups and bytes leave them out.
type tallies map[kv.Realm]*tally

// tally counts the due keys of a realm, up to a place in the order of the times.
type tally struct {
	passed     dueEntry
	total      tallied
	groups     map[string]*tallied
	namespaces map[string]*tallied
}

// tallied counts the due keys of a group, a namespace or a realm.
type tallied struct {
	keys, bytes int64
	// groups counts the groups that have only due keys; all tells that a group is one of them.
	groups int64
	all    bool
}

// expiredEntry is an entry whose expiry was logged, with the bytes that it had.
type expiredEntry struct {
	dueEntry
	bytes int64
}

// bytesOf returns the bytes that an entry adds to its namespace.
func bytesOf(name kv.EntryName, value int) int64 {
	_, group := kv.NamespaceOf(name.Group)
	return int64(len(group) + len(name.Key) + value)
}

// LeaveOutDue counts some more due keys of a realm. From now on they are left out of the counts.
// found reports whether there are any, complete whether all are counted. LeaveOutDue
// subtracts from looks the number of keys that it looks at.
func (view *View) LeaveOutDue(of kv.Realm, now time.Time, looks *int) (found, complete bool, err error) {
	complete, err = view.tallies.goOn(view, of, now, looks)
	found = view.tallies.total(of).keys > 0
	if complete && !found {
		delete(view.tallies, of)
	}
	return found, complete, err
}

// goOn counts some more due keys of a realm, and reports whether these are all.
func (tallies tallies) goOn(view *View, of kv.Realm, now time.Time, looks *int) (complete bool, err error) {
	tally, known := tallies[of]
	if !known {
		tally = newTally()
		tallies[of] = tally
	}
	for *looks > 0 {
		due, err := view.due(of, now, tally.passed, min(*looks, duePerRead))
		if err != nil {
			return false, err
		}
		for _, entry := range due {
			if err := tally.count(view, entry); err != nil {
				return false, err
			}
		}
		if len(due) < min(*looks, duePerRead) {
			return true, nil
		}
		*looks -= len(due)
	}
	return false, nil
}

func newTally() *tally {
	return &tally{groups: map[string]*tallied{}, namespaces: map[string]*tallied{}}
}

// count passes an entry, and counts it if that is its newest state.
func (tally *tally) count(view *View, entry dueEntry) error {
	state, err := view.Head(entry.EntryName)
	if err != nil {
		return err
	}
	tally.passed = entry
	if !state.Present() || state.ExpiresAt != entry.expiresAt {
		return nil
	}
	tally.add(entry.Group, 1, bytesOf(entry.EntryName, state.Bytes))
	return tally.compareGroup(view, entry.Group)
}

func (tally *tally) add(group string, keys, bytes int64) {
	namespace, _ := kv.NamespaceOf(group)
	for _, part := range []*tallied{&tally.total, talliedOf(tally.namespaces, namespace), talliedOf(tally.groups, group)} {
		part.keys += keys
		part.bytes += bytes
	}
}

// compareGroup finds out whether everything in a group is due.
func (tally *tally) compareGroup(view *View, name string) error {
	group, known := tally.groups[name]
	if !known {
		return nil
	}
	state, err := view.Group(name)
	if err != nil {
		return err
	}
	namespace, _ := kv.NamespaceOf(name)
	all := group.keys > 0 && group.keys == state.Keys
	switch {
	case all && !group.all:
		tally.namespaces[namespace].groups++
	case !all && group.all:
		tally.namespaces[namespace].groups--
	}
	group.all = all
	if group.keys == 0 {
		delete(tally.groups, name)
	}
	return nil
}

func talliedOf(parts map[string]*tallied, name string) *tallied {
	part, known := parts[name]
	if !known {
		part = &tallied{}
		parts[name] = part
	}
	return part
}

// TallyCommitted brings the tallies to a commit: its expiries, and the groups that
// it changed. After an error the due keys are counted again.
func (view *View) TallyCommitted(changes *Slice) (err error) {
	for of, tally := range view.tallies {
		for _, entry := range changes.expired {
			if of.Holds(entry.Group) && entry.compare(tally.passed) <= 0 {
				tally.add(entry.Group, -1, -entry.bytes)
			}
		}
		for _, group := range changes.groups {
			if err == nil && of.Holds(group.name) {
				err = tally.compareGroup(view, group.name)
			}
		}
		if err != nil || tally.total.keys == 0 {
			delete(view.tallies, of) // it is counted again
		}
	}
	return err
}

// leaveOut subtracts the due keys from the counters of a namespace.
func (due tallied) leaveOut(state *kv.NamespaceState) {
	state.Keys -= due.keys
	state.Bytes -= due.bytes
	state.Groups -= due.groups
}

// The tallies for a question; without any they are zero.

func (tallies tallies) total(of kv.Realm) tallied {
	if tally := tallies[of]; tally != nil {
		return tally.total
	}
	return tallied{}
}

func (tallies tallies) group(of kv.Realm, name string) tallied {
	if tally := tallies[of]; tally != nil && tally.groups[name] != nil {
		return *tally.groups[name]
	}
	return tallied{}
}

func (tallies tallies) namespace(of kv.Realm, name string) tallied {
	if tally := tallies[of]; tally != nil && tally.namespaces[name] != nil {
		return *tally.namespaces[name]
	}
	return tallied{}
}
