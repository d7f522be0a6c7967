// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
)

// maxWaitingReaders bounds how many readers wait for a change at once.
const maxWaitingReaders = 20_000

// DefaultPageLimit is the limit of a query without a limit.
const DefaultPageLimit = 100

var errTooManyWaiting = fmt.Errorf("%w: %d readers already wait for a change", kv.ErrUnavailable, maxWaitingReaders)

// ChangesQuery asks for the changes of a namespace after a revision.
//
//	store.ChangesQuery{Namespace: "acme", After: 41, Limit: 100, Wait: 30 * time.Second}
type ChangesQuery struct {
	// Namespace may be empty: the groups outside every namespace.
	Namespace string
	// Group, if not nil, is the only group wanted, by its name within the namespace.
	Group *string
	// After is the last revision before the page; 0 is the beginning of the log.
	After uint64
	// Limit is the largest number of events; 0 is DefaultPageLimit.
	Limit int
	// Wait is the time to wait for a change if there is none; 0 does not wait.
	Wait time.Duration
	// Fits, if not nil, is called for each event in order. The page ends before the first event
	// that does not fit, but has at least one event. Fits must be quick and must not call the
	// store.
	Fits func(*Event) bool
}

// ChangesPage is one page of the log.
type ChangesPage struct {
	Events []Event
	// Next is the last revision of the page: the After of the next query.
	Next uint64
	// Oldest is the lowest revision that can be read, Revision + 1 if there is none.
	Oldest uint64
	// Revision is the current revision of the namespace.
	Revision uint64
}

// checkRange returns CompactedError for a query from outside the log.
func (query *ChangesQuery) checkRange(page ChangesPage) error {
	if query.After > page.Revision || query.After+1 < page.Oldest {
		return &kv.CompactedError{Namespace: query.Namespace, After: query.After, Oldest: page.Oldest, Revision: page.Revision}
	}
	return nil
}

// take adds an event, which must be the next in the log, and returns false when
// the page is full.
func (page *ChangesPage) take(query ChangesQuery, event *Event) bool {
	wanted := query.Group == nil || event.LocalGroup() == *query.Group
	switch {
	case !wanted && len(page.Events) >= query.limit():
		return false
	case wanted && !query.holds(len(page.Events), event):
		return false
	case wanted:
		page.Events = append(page.Events, *event)
	}
	page.Next = event.Revision
	return true
}

func (query *ChangesQuery) limit() int { return cmp.Or(query.Limit, DefaultPageLimit) }

// holds reports whether a page with so many events holds this one too.
func (query *ChangesQuery) holds(taken int, event *Event) bool {
	if taken >= query.limit() {
		return false
	}
	return query.Fits == nil || query.Fits(event) || taken == 0
}

// Changes returns the changes of a namespace after a revision, in order. It returns
// CompactedError if the log does not hold all of them. It returns an empty page if query.Wait
// is over or ctx ends first.
//
//	page, err := store.Changes(ctx, store.ChangesQuery{Namespace: "acme", After: 41})
func (store *Store) Changes(ctx context.Context, query ChangesQuery) (ChangesPage, error) {
	page, err := wait(func(done func(ChangesPage, error)) { store.SubmitChanges(ctx, query, done) })
	if err != nil {
		return page, fmt.Errorf("store.Changes: %w", err)
	}
	page.Events = slices.Clone(page.Events)
	return page, nil
}

// SubmitChanges is Changes without waiting. It calls done once, before SubmitChanges returns or
// later from a goroutine of the store. done must not block. It must not change the events,
// which other callers receive too.
func (store *Store) SubmitChanges(ctx context.Context, query ChangesQuery, done func(ChangesPage, error)) {
	if err := cmp.Or(store.unusable(), checkContext(ctx), checkLimit(query.Limit)); err != nil {
		fail(done, err)
		return
	}
	reader := &changesReader{store: store, query: query, ctx: ctx, done: done}
	reader.read()
}

func checkLimit(limit int) error {
	if limit < 0 {
		return fmt.Errorf("limit %d may not be negative", limit)
	}
	return nil
}

// changesReader is a query on its way through memory, the database and waiting.
type changesReader struct {
	store *Store
	query ChangesQuery
	ctx   context.Context //nolint:containedctx // it belongs to the one call that the reader is
	done  func(ChangesPage, error)

	// timed is set when the time to wait has begun, and over when it has ended.
	timed bool
	over  atomic.Bool

	// among and place are where the reader waits; they belong to the tail.
	among *waitingReaders
	place int

	// ends is when the time is over; zero: it is not among the endings, which it and
	// the rest belong to.
	ends     time.Time
	endPlace int
	shared   *endingContext
}

// read looks in memory first, and asks the committer for the rest.
func (reader *changesReader) read() {
	for {
		page, known, err := reader.store.tail.changes(reader.query)
		if !known {
			reader.readDatabase()
			return
		}
		if !reader.mayWait(page, err) {
			reader.finish(page, err)
			return
		}
		reader.query.After = page.Next
		waits, err := reader.store.tail.wait(reader)
		if err != nil {
			reader.finish(page, err)
			return
		}
		if waits {
			reader.waits()
			return
		}
	}
}

// readDatabase has the committer look. If there is nothing, the reader waits from that
// moment on: no commit comes in between.
func (reader *changesReader) readDatabase() {
	reader.store.submitRead(func(view *state.View) {
		page, err := reader.store.committer.log.changes(view, reader.query)
		waits := page.Next == page.Revision && reader.mayWait(page, err)
		if waits {
			reader.query.After = page.Next
			err = reader.store.tail.waitAt(reader, page.Oldest)
		}
		// It may look again, which is no work for the committer: so a sink is not asked.
		reader.store.committer.outbox.add(reader.store.completions, completion(func() { reader.received(page, waits, err) }))
	}, func(err error) { reader.finish(ChangesPage{}, err) })
}

// received continues with the answer of the database.
func (reader *changesReader) received(page ChangesPage, waits bool, err error) {
	switch {
	case err != nil, len(page.Events) > 0:
		reader.finish(page, err)
	case waits:
		reader.waits()
	case page.Next < page.Revision:
		// That stretch held nothing of the group: go on behind it.
		reader.query.After = page.Next
		reader.read()
	default:
		reader.finish(page, nil)
	}
}

// mayWait reports whether a page is one that the reader waits behind, whose time
// begins with the first of them.
func (reader *changesReader) mayWait(page ChangesPage, err error) bool {
	if err != nil || len(page.Events) > 0 || reader.query.Wait <= 0 || reader.over.Load() {
		return false
	}
	if !reader.timed {
		reader.timed = true
		reader.store.wakeups.endings.add(reader)
	}
	return true
}

// waits is called when the reader is in the tail: its time may have ended just before.
func (reader *changesReader) waits() {
	if reader.over.Load() {
		reader.leave()
	}
}

// end ends the time to wait. A reader that is on its way finds over set later.
func (reader *changesReader) end() {
	reader.over.Store(true)
	reader.leave()
}

// leave answers a reader that the tail still holds.
func (reader *changesReader) leave() {
	if page, waited := reader.store.tail.forget(reader); waited {
		reader.finish(page, nil)
	}
}

func (reader *changesReader) finish(page ChangesPage, err error) {
	reader.store.wakeups.endings.remove(reader)
	tell(reader.done, page, err)
}
