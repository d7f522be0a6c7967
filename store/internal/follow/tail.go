// SPDX-License-Identifier: EUPL-1.2

package follow

import (
	"slices"
	"sync"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
)

// Bytes bounds the newest part of the log in memory.
const Bytes = 16 << 20

// eventOverhead is the size of an event in memory without its texts.
const eventOverhead = 320

// tail is the newest part of the log, in memory. It serves consumers, waiting readers and
// queries for recent changes without the database. The committer appends to it, and every
// goroutine may read.
type tail struct {
	mutex   sync.RWMutex
	commits []changelog.Commit
	bytes   int
	// bound is the largest number of bytes, unless the newest commit has more.
	bound      int
	namespaces map[string]*namespaceTail
	// waiting is the number of readers that wait for a change, or are woken and not answered yet.
	waiting int
	// grown is closed and replaced when a commit is appended.
	grown  chan struct{}
	lastID uint64
	closed bool
}

// namespaceTail is the part of one namespace. Its revisions are dense, so an event is found by
// subtraction. It exists while it has events or readers. A waiting reader has looked at
// everything up to its revision.
type namespaceTail struct {
	first   uint64
	oldest  uint64
	events  []*changelog.Event
	readers waitingParts
}

func (part *namespaceTail) revision() uint64 { return part.first + uint64(len(part.events)) - 1 }

// newTail begins after the commit lastID, which only the database holds.
func newTail(lastID uint64) *tail {
	return &tail{
		lastID:     lastID,
		bound:      Bytes,
		namespaces: map[string]*namespaceTail{},
		grown:      make(chan struct{}),
	}
}

// append adds a commit and returns the readers that waited for one of its changes. oldest
// returns the lowest revision of a namespace in the log.
func (tail *tail) append(commit changelog.Commit, oldest func(namespace string) uint64) (woken []*waitingReaders) {
	tail.mutex.Lock()
	defer tail.mutex.Unlock()
	tail.commits = append(tail.commits, commit)
	tail.lastID = commit.ID
	for index := range commit.Events {
		event := &commit.Events[index]
		part := tail.namespaces[event.Namespace]
		if part == nil {
			part = &namespaceTail{first: event.Revision, oldest: oldest(event.Namespace)}
			tail.namespaces[event.Namespace] = part
		}
		part.events = append(part.events, event)
		tail.bytes += eventBytes(event)
		if part.readers.count > 0 {
			woken = part.readers.note(event, woken)
		}
	}
	for _, readers := range woken {
		tail.wakeLocked(readers)
	}
	tail.evictLocked()
	close(tail.grown)
	tail.grown = make(chan struct{})
	return woken
}

// wakeLocked hands out readers. From then on they are not in the tail.
func (tail *tail) wakeLocked(readers *waitingReaders) {
	part := tail.namespaces[readers.namespace]
	readers.woken, readers.revision, readers.oldest = true, part.revision(), part.oldest
	part.readers.remove(readers)
}

func eventBytes(event *changelog.Event) int {
	return eventOverhead + len(event.Group) + len(event.Key) + len(event.Value) + len(event.TraceParent)
}

// evictLocked drops the oldest commits beyond the bound, but never the newest.
func (tail *tail) evictLocked() {
	for tail.bytes > tail.bound && len(tail.commits) > 1 {
		oldest := tail.commits[0]
		tail.commits[0] = changelog.Commit{}
		tail.commits = tail.commits[1:]
		for index := range oldest.Events {
			event := &oldest.Events[index]
			tail.bytes -= eventBytes(event)
			part := tail.namespaces[event.Namespace]
			part.events[0] = nil
			part.events = part.events[1:]
			part.first++
			tail.dropLocked(event.Namespace, part)
		}
	}
}

// dropLocked forgets the part of a namespace if it has neither events nor readers.
func (tail *tail) dropLocked(namespace string, part *namespaceTail) {
	if len(part.events) == 0 && part.readers.count == 0 {
		delete(tail.namespaces, namespace)
	}
}

// trimmed tells the tail that a namespace's log now begins at oldest.
func (tail *tail) trimmed(namespace string, oldest uint64) {
	tail.mutex.Lock()
	defer tail.mutex.Unlock()
	if part := tail.namespaces[namespace]; part != nil {
		part.oldest = oldest
	}
}

// changes answers a query from memory. known is false if memory does not reach back far enough.
func (tail *tail) changes(query *Query) (page Page, known bool, err error) {
	tail.mutex.RLock()
	defer tail.mutex.RUnlock()
	part := tail.namespaces[query.Namespace]
	if part == nil || query.After+1 < part.first {
		return Page{}, false, nil
	}
	// The log may have been trimmed into the part that memory still holds.
	if page, err = NewPage(query, part.oldest, part.revision()); err != nil {
		return Page{}, true, err
	}
	for _, event := range part.events[query.After+1-part.first:] {
		if !page.take(query, event) {
			break
		}
	}
	return page, true, nil
}

// wait keeps a reader until a commit changes its group. It returns false if memory cannot tell
// whether there was a change since query.After. The reader must look again then.
func (tail *tail) wait(reader *changesReader) (waits bool, err error) {
	tail.mutex.Lock()
	defer tail.mutex.Unlock()
	part := tail.namespaces[reader.query.Namespace]
	if part == nil || part.revision() != reader.query.After {
		return false, nil
	}
	return true, tail.keepLocked(part, reader)
}

// waitAt is wait for a reader that knows from the database that its namespace ends at
// query.After and begins at oldest. The committer calls it, so this still holds.
func (tail *tail) waitAt(reader *changesReader, oldest uint64) error {
	tail.mutex.Lock()
	defer tail.mutex.Unlock()
	namespace := reader.query.Namespace
	part := tail.namespaces[namespace]
	if part == nil {
		part = &namespaceTail{first: reader.query.After + 1, oldest: oldest}
		tail.namespaces[namespace] = part
		defer tail.dropLocked(namespace, part)
	}
	return tail.keepLocked(part, reader)
}

func (tail *tail) keepLocked(part *namespaceTail, reader *changesReader) error {
	if tail.closed {
		return failure.ErrClosed
	}
	if tail.waiting >= maxWaitingReaders {
		return errTooManyWaiting
	}
	part.readers.of(&reader.query).add(reader)
	part.readers.count++
	tail.waiting++
	return nil
}

// forget removes a waiting reader. waited is false if it did not wait. The page is the result
// of the wait: no change up to the revision of the namespace.
func (tail *tail) forget(reader *changesReader) (page Page, waited bool) {
	tail.mutex.Lock()
	defer tail.mutex.Unlock()
	readers := reader.among
	if readers == nil || readers.woken {
		return Page{}, false
	}
	part := tail.namespaces[readers.namespace]
	readers.remove(reader)
	part.readers.count--
	tail.waiting--
	if len(readers.list) == 0 {
		part.readers.remove(readers)
	}
	page = Page{Next: part.revision(), Oldest: part.oldest, Revision: part.revision()}
	tail.dropLocked(readers.namespace, part)
	return page, true
}

// answered records that a number of woken readers are answered.
func (tail *tail) answered(readers int) {
	tail.mutex.Lock()
	defer tail.mutex.Unlock()
	tail.waiting -= readers
}

// commitsAfter returns at most limit commits after a given one from memory. known is false if
// memory does not reach back far enough. grown is closed when there are more.
func (tail *tail) commitsAfter(id uint64, limit int) (commits []changelog.Commit, known bool, grown <-chan struct{}) {
	tail.mutex.RLock()
	defer tail.mutex.RUnlock()
	switch {
	case len(tail.commits) == 0:
		return nil, id >= tail.lastID, tail.grown
	case id+1 < tail.commits[0].ID:
		return nil, false, tail.grown
	}
	commits = tail.commits[min(id+1-tail.commits[0].ID, uint64(len(tail.commits))):]
	// A copy, because evicted entries are cleared in place later.
	return slices.Clone(commits[:min(limit, len(commits))]), true, tail.grown
}

// commitFrom returns the first commit in memory that is not before id.
func (tail *tail) commitFrom(id uint64) (commit changelog.Commit, found bool) {
	tail.mutex.RLock()
	defer tail.mutex.RUnlock()
	if len(tail.commits) == 0 || id > tail.lastID {
		return changelog.Commit{}, false
	}
	first := tail.commits[0].ID
	return tail.commits[max(id, first)-first], true
}

// last returns the id of the newest commit.
func (tail *tail) last() uint64 {
	tail.mutex.RLock()
	defer tail.mutex.RUnlock()
	return tail.lastID
}

// close hands out every reader that waits. From then on none may wait.
func (tail *tail) close() (woken []*waitingReaders) {
	tail.mutex.Lock()
	defer tail.mutex.Unlock()
	tail.closed = true
	for _, part := range tail.namespaces {
		for _, readers := range part.readers.all() {
			readers.closed = true
			tail.wakeLocked(readers)
			woken = append(woken, readers)
		}
	}
	return woken
}

// keep sets the bound, and drops commits beyond it.
func (tail *tail) keep(bytes int) {
	tail.mutex.Lock()
	defer tail.mutex.Unlock()
	tail.bound = bytes
	tail.evictLocked()
}

// waitingReaders returns the number of readers that wait.
func (tail *tail) waitingReaders() int {
	tail.mutex.RLock()
	defer tail.mutex.RUnlock()
	return tail.waiting
}
