// SPDX-License-Identifier: EUPL-1.2

package follow

import "dappco.re/go/storebus/store/internal/changelog"

// waitingReaders are the readers that wait for the same thing: a change of one group of a
// namespace, or any change of the namespace. The tail owns them until it hands them out, woken
// by such a commit or by Close. The cost of a commit does not depend on their number.
type waitingReaders struct {
	namespace string
	// group is the name within the namespace, nil for any change.
	group *string
	list  []*changesReader

	woken  bool
	closed bool
	// changes are the changes of the commit that has woken the readers. events are the copies
	// that all of them receive. revision and oldest are the end and the beginning of the
	// namespace's log at that commit.
	changes          []*changelog.Event
	events           []changelog.Event
	revision, oldest uint64
}

func (readers *waitingReaders) add(reader *changesReader) {
	reader.among, reader.place = readers, len(readers.list)
	readers.list = append(readers.list, reader)
}

// remove puts the last reader into the place of the leaving one.
func (readers *waitingReaders) remove(reader *changesReader) {
	last := len(readers.list) - 1
	readers.list[reader.place] = readers.list[last]
	readers.list[reader.place].place = reader.place
	readers.list[last] = nil
	readers.list = readers.list[:last]
	reader.among = nil
}

// waitingParts has the waiting readers of a namespace, by the changes that they wait for.
type waitingParts struct {
	groups map[string]*waitingReaders
	every  *waitingReaders
	// count is the number of all readers.
	count int
}

// of returns the readers that wait for the same changes as a query.
func (parts *waitingParts) of(query *Query) *waitingReaders {
	if query.Group == nil {
		if parts.every == nil {
			parts.every = &waitingReaders{namespace: query.Namespace}
		}
		return parts.every
	}
	readers := parts.groups[*query.Group]
	if readers == nil {
		readers = &waitingReaders{namespace: query.Namespace, group: query.Group}
		if parts.groups == nil {
			parts.groups = map[string]*waitingReaders{}
		}
		parts.groups[*query.Group] = readers
	}
	return readers
}

// note keeps a change for the readers that wait for it. Readers without an earlier change are
// added to woken.
func (parts *waitingParts) note(event *changelog.Event, woken []*waitingReaders) []*waitingReaders {
	for _, readers := range [...]*waitingReaders{parts.groups[event.LocalGroup()], parts.every} {
		if readers == nil {
			continue
		}
		if len(readers.changes) == 0 {
			woken = append(woken, readers)
		}
		changelog.SetAwaited(event)
		readers.changes = append(readers.changes, event)
	}
	return woken
}

// remove forgets readers that no longer wait.
func (parts *waitingParts) remove(readers *waitingReaders) {
	if readers.group == nil {
		parts.every = nil
	} else {
		delete(parts.groups, *readers.group)
	}
	parts.count -= len(readers.list)
}

// all returns the readers of the namespace.
func (parts *waitingParts) all() (all []*waitingReaders) {
	for _, readers := range parts.groups {
		all = append(all, readers)
	}
	if parts.every != nil {
		all = append(all, parts.every)
	}
	return all
}
