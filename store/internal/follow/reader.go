// SPDX-License-Identifier: EUPL-1.2

package follow

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/store/internal/failure"
)

// maxWaitingReaders bounds how many readers wait for a change at once.
const maxWaitingReaders = 20_000

var errTooManyWaiting = fmt.Errorf("%w: %d readers already wait for a change", failure.ErrUnavailable, maxWaitingReaders)

// Changes answers a query with a limit. It calls done once, before it returns or later from
// another goroutine. done must not block, and must not change the events, which other readers
// receive too.
func (followers *Followers) Changes(ctx context.Context, query Query, done func(Page, error)) {
	reader := &changesReader{followers: followers, query: query, ctx: ctx, done: done}
	reader.read()
}

// changesReader is a query on its way through memory, the database and waiting.
type changesReader struct {
	followers *Followers
	query     Query
	ctx       context.Context //nolint:containedctx // it belongs to the one call that the reader is
	done      func(Page, error)

	// timed is set when the time to wait has begun, and over when it has ended.
	timed bool
	over  atomic.Bool

	// among and place belong to the tail: the readers that this one waits with, and its index.
	among *waitingReaders
	place int

	// ends is the time at which the wait is over, zero if the reader is not among the endings. It
	// and the rest belong to the endings.
	ends     time.Time
	endPlace int
	shared   *endingContext
}

// read looks in memory first, and asks the committer for the rest.
func (reader *changesReader) read() {
	for {
		page, known, err := reader.followers.tail.changes(&reader.query)
		if !known {
			reader.readDatabase()
			return
		}
		if !reader.mayWait(page, err) {
			reader.finish(page, err)
			return
		}
		reader.query.After = page.Next
		waits, err := reader.followers.tail.wait(reader)
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

// readDatabase reads through the source, between two commits. If there is no change, the reader
// waits from that moment on, so it misses no commit.
func (reader *changesReader) readDatabase() {
	reader.followers.source.Changes(&reader.query, func(page Page, err error) (then func()) {
		waits := page.Next == page.Revision && reader.mayWait(page, err)
		if waits {
			reader.query.After = page.Next
			err = reader.followers.tail.waitAt(reader, page.Oldest)
		}
		return func() { reader.received(page, waits, err) }
	}, func(err error) { reader.finish(Page{}, err) })
}

// received continues with the answer of the database.
func (reader *changesReader) received(page Page, waits bool, err error) {
	switch {
	case err != nil, len(page.Events) > 0:
		reader.finish(page, err)
	case waits:
		reader.waits()
	case page.Next < page.Revision:
		// If the page had nothing of the group, there may be something behind it.
		reader.query.After = page.Next
		reader.read()
	default:
		reader.finish(page, nil)
	}
}

// mayWait reports whether the reader waits if it has this page. Its time begins with the first
// such page.
func (reader *changesReader) mayWait(page Page, err error) bool {
	if err != nil || len(page.Events) > 0 || reader.query.Wait <= 0 || reader.over.Load() {
		return false
	}
	if !reader.timed {
		reader.timed = true
		reader.followers.wakeups.endings.add(reader)
	}
	return true
}

// waits is called when the reader is in the tail. If its time has ended just before, it leaves.
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
	if page, waited := reader.followers.tail.forget(reader); waited {
		reader.finish(page, nil)
	}
}

func (reader *changesReader) finish(page Page, err error) {
	reader.followers.wakeups.endings.remove(reader)
	reader.done(page, err)
}
