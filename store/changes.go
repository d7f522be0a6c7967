// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// maxWaitingReaders bounds how many readers wait for a change at once.
const maxWaitingReaders = 20_000

// DefaultPageLimit is the limit of a query that names none.
const DefaultPageLimit = 100

var errTooManyWaiting = fmt.Errorf("%w: %d readers already wait for a change", ErrUnavailable, maxWaitingReaders)

// ChangesQuery asks for the changes of a namespace after a revision.
//
//	store.ChangesQuery{Namespace: "acme", After: 41, Limit: 100, Wait: 30 * time.Second}
type ChangesQuery struct {
	// Namespace may be empty: the groups outside every namespace.
	Namespace string
	// Group, where given, is the name within the namespace of the only group wanted.
	Group *string
	// After is the revision after which to begin; 0 is the beginning of the log.
	After uint64
	// Limit is the largest number of events; 0 is DefaultPageLimit.
	Limit int
	// Wait is how long to wait for a change where there is none; 0 is not at all.
	Wait time.Duration
	// Fits, where given, is asked for each event in order; the page ends before the
	// first that does not fit, but holds one event at least. It must be quick and
	// may not call the store.
	Fits func(*Event) bool
}

// ChangesPage is a part of the log.
type ChangesPage struct {
	Events []Event
	// Next is the last revision looked at: the After of the next query.
	Next uint64
	// Oldest is the lowest revision that can be read, Revision + 1 where there is none.
	Oldest uint64
	// Revision is the namespace's current one.
	Revision uint64
}

// checkRange returns CompactedError for a query from outside the log.
func (query *ChangesQuery) checkRange(page ChangesPage) error {
	if query.After > page.Revision || query.After+1 < page.Oldest {
		return &CompactedError{Namespace: query.Namespace, After: query.After, Oldest: page.Oldest, Revision: page.Revision}
	}
	return nil
}

// take adds an event, which must be the next in the log, and returns false when
// the page is full.
func (page *ChangesPage) take(query ChangesQuery, event *Event) bool {
	if len(page.Events) >= orDefault(query.Limit, DefaultPageLimit) {
		return false
	}
	if query.Group == nil || event.LocalGroup() == *query.Group {
		if query.Fits != nil && !query.Fits(event) && len(page.Events) > 0 {
			return false
		}
		page.Events = append(page.Events, *event)
	}
	page.Next = event.Revision
	return true
}

// Changes returns the changes of a namespace after a revision, in order. It
// returns CompactedError where the log does not hold them, and an empty page when
// query.Wait is over or ctx ends first.
//
//	page, err := store.Changes(ctx, store.ChangesQuery{Namespace: "acme", After: 41})
func (store *Store) Changes(ctx context.Context, query ChangesQuery) (ChangesPage, error) {
	answer := make(chan result[ChangesPage], 1)
	store.SubmitChanges(ctx, query, func(page ChangesPage, err error) { answer <- result[ChangesPage]{page, err} })
	page, err := (<-answer).unwrap()
	if err != nil {
		return page, fmt.Errorf("store.Changes: %w", err)
	}
	return page, nil
}

// SubmitChanges is Changes for a caller that does not wait: done is called once,
// before SubmitChanges returns or later from a goroutine of the store, and may not block.
func (store *Store) SubmitChanges(ctx context.Context, query ChangesQuery, done func(ChangesPage, error)) {
	reader := &changesReader{store: store, query: query, ctx: ctx, done: done}
	err := checkLimit(query.Limit)
	if store.closing.Load() {
		err = ErrClosed
	}
	if err != nil {
		reader.finish(ChangesPage{}, err)
		return
	}
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

	// over is set when the time to wait has ended.
	over   atomic.Bool
	timers []func() bool
}

// read looks in memory, and asks the committer for what is not there.
func (reader *changesReader) read() {
	page, known, err := reader.store.tail.changes(reader.query)
	if known {
		reader.received(page, err)
		return
	}
	reader.store.submitRead(func(view *view) func() {
		page, err := reader.store.committer.log.changes(view, reader.query)
		return func() { reader.received(page, err) }
	}, func(err error) { reader.finish(page, err) })
}

func (reader *changesReader) received(page ChangesPage, err error) {
	switch {
	case err != nil, len(page.Events) > 0:
		reader.finish(page, err)
	case page.Next < page.Revision:
		// That stretch held nothing of the group: go on behind it.
		reader.query.After = page.Next
		reader.read()
	case reader.query.Wait <= 0 || reader.over.Load():
		reader.finish(page, nil)
	default:
		reader.query.After = page.Next
		reader.wait(page)
	}
}

// wait leaves the reader with the tail until there is something new or the time is over.
func (reader *changesReader) wait(empty ChangesPage) {
	if reader.timers == nil {
		timer := time.AfterFunc(reader.query.Wait, reader.stopWaiting)
		reader.timers = []func() bool{timer.Stop, context.AfterFunc(reader.ctx, reader.stopWaiting)}
	}
	waits, err := reader.store.tail.wait(reader)
	switch {
	case err != nil:
		reader.finish(empty, err)
	case !waits:
		reader.read()
	case reader.over.Load() && reader.store.tail.forget(reader):
		reader.finish(empty, nil)
	}
}

// stopWaiting ends the wait: a reader that the tail still holds looks once more,
// any other finds over set when it comes back.
func (reader *changesReader) stopWaiting() {
	reader.over.Store(true)
	if reader.store.tail.forget(reader) {
		reader.read()
	}
}

func (reader *changesReader) finish(page ChangesPage, err error) {
	for _, stop := range reader.timers {
		stop()
	}
	reader.done(page, err)
}
