// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
)

// Consumer reads the log in order. It remembers its watermark across restarts: the last commit
// that it has acknowledged. The log is not trimmed beyond the watermark. Only one goroutine may
// call Next and Rewind.
type Consumer struct {
	store  *Store
	name   string
	cursor position
	// gone is closed when the consumer is unregistered.
	gone chan struct{}

	mutex        sync.Mutex
	acknowledged position

	// saved belongs to the committer's goroutine.
	saved position
}

// watermarkInterval is the time between two commits that carry watermarks.
const watermarkInterval = 100 * time.Millisecond

// position is a place in the log: after a commit.
type position struct {
	commitID uint64
	end      logTotals
}

// RegisterConsumer returns the consumer of a name. It begins behind its watermark, or with the
// next commit if the name is new. While its backlog is twice the retention, writes fail with
// ErrUnavailable.
//
//	publisher, err := store.RegisterConsumer("publisher")
func (store *Store) RegisterConsumer(name string) (*Consumer, error) {
	consumer, err := ask(store, func(*state.View) (*Consumer, error) { return store.committer.register(store, name) })
	if err != nil {
		return nil, fmt.Errorf("store.RegisterConsumer: consumer %q: %w", name, err)
	}
	return consumer, nil
}

// UnregisterConsumer removes the consumer of a name. The log is no longer kept for it, and its
// Next returns ErrNotFound. UnregisterConsumer returns ErrNotFound for a name that is not
// registered.
//
//	err := store.UnregisterConsumer("publisher")
func (store *Store) UnregisterConsumer(name string) error {
	_, err := ask(store, func(*state.View) (struct{}, error) { return struct{}{}, store.committer.unregister(name) })
	if err != nil {
		return fmt.Errorf("store.UnregisterConsumer: consumer %q: %w", name, err)
	}
	return nil
}

// Next waits for new commits and returns some of them, in order. It returns an error if ctx
// ends, after Close, and after UnregisterConsumer.
func (consumer *Consumer) Next(ctx context.Context) ([]Commit, error) {
	if consumer == nil {
		return nil, fmt.Errorf("store.Consumer.Next: %w", errNeverOpened)
	}
	commits, err := consumer.store.commitsAfter(ctx, consumer.gone, consumer.cursor.commitID)
	if err != nil {
		return nil, fmt.Errorf("store.Consumer.Next: consumer %q: %w", consumer.name, err)
	}
	last := commits[len(commits)-1]
	consumer.cursor = position{commitID: last.ID, end: last.end}
	return commits, nil
}

// commitsAfter waits for commits after one and returns some of them, unless gone is
// closed.
func (store *Store) commitsAfter(ctx context.Context, gone <-chan struct{}, id uint64) ([]Commit, error) {
	for {
		if err := cmp.Or(store.unusable(), checkContext(ctx)); err != nil {
			return nil, err
		}
		select {
		case <-gone:
			// The log may have been trimmed, so its first commit could follow a gap.
			return nil, kv.ErrNotFound
		default:
		}
		commits, known, grown := store.tail.commitsAfter(id, commitsPerRead)
		if !known {
			var err error
			commits, err = ask(store, func(*state.View) ([]Commit, error) { return store.committer.log.after(id) })
			if err != nil {
				return nil, err
			}
		}
		if len(commits) > 0 {
			return commits, nil
		}
		if err := waitGrown(ctx, gone, store.stopped, grown); err != nil {
			return nil, err
		}
	}
}

// Acknowledge moves the watermark behind all commits that Next has returned. The watermark is
// saved with a later commit, at most every 100 ms, or after a second without a commit. So
// commits acknowledged just before a crash come again.
func (consumer *Consumer) Acknowledge() {
	if consumer == nil {
		return
	}
	consumer.mutex.Lock()
	consumer.acknowledged = consumer.cursor
	consumer.mutex.Unlock()
}

// Rewind makes Next begin again after the watermark.
func (consumer *Consumer) Rewind() {
	if consumer != nil {
		consumer.cursor = consumer.watermark()
	}
}

func (consumer *Consumer) watermark() position {
	consumer.mutex.Lock()
	defer consumer.mutex.Unlock()
	return consumer.acknowledged
}

// consumers keeps the watermarks in the database. It belongs to the committer's goroutine.
type consumers struct {
	registered []*Consumer
	// absent has the watermarks of consumers that have not registered again since the store was
	// opened. They hold back trimming too. Otherwise a restart would make a gap.
	absent  map[string]position
	savedAt time.Time

	selectConsumers *sqlite.Statement
	upsertConsumer  *sqlite.Statement
	deleteConsumer  *sqlite.Statement
}

func newConsumers(session *sqlite.Session) *consumers {
	return &consumers{
		absent:          map[string]position{},
		selectConsumers: session.Prepare(`SELECT name, commit_id, changes_total, bytes_total FROM consumers`),
		upsertConsumer: session.Prepare(`INSERT INTO consumers (name, commit_id, changes_total, bytes_total) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET commit_id = excluded.commit_id, changes_total = excluded.changes_total, bytes_total = excluded.bytes_total`),
		deleteConsumer: session.Prepare(`DELETE FROM consumers WHERE name = ?`),
	}
}

// load reads where every consumer left off.
func (consumers *consumers) load() error {
	return consumers.selectConsumers.Query(func(row sqlite.Row) bool {
		consumers.absent[row.Text(0)] = position{commitID: row.Unsigned(1), end: logTotals{changes: row.Unsigned(2), bytes: row.Unsigned(3)}}
		return true
	})
}

func (consumers *consumers) find(name string) *Consumer {
	for _, consumer := range consumers.registered {
		if consumer.name == name {
			return consumer
		}
	}
	return nil
}

func (consumers *consumers) forget(name string) {
	delete(consumers.absent, name)
	consumers.registered = slices.DeleteFunc(consumers.registered, func(consumer *Consumer) bool {
		if consumer.name == name {
			close(consumer.gone)
		}
		return consumer.name == name
	})
}

// unsaved returns the watermarks that have moved since they were saved.
func (consumers *consumers) unsaved() map[*Consumer]position {
	var moved map[*Consumer]position
	for _, consumer := range consumers.registered {
		if at := consumer.watermark(); at != consumer.saved {
			if moved == nil {
				moved = map[*Consumer]position{}
			}
			moved[consumer] = at
		}
	}
	return moved
}

// save writes watermarks in the transaction of the caller.
func (consumers *consumers) save(moved map[*Consumer]position) error {
	for consumer, at := range moved {
		if err := consumers.upsertConsumer.Execute(consumer.name, int64(at.commitID), int64(at.end.changes), int64(at.end.bytes)); err != nil {
			return err
		}
	}
	return nil
}

// due is unsaved for a commit. A commit need not carry every step: a watermark that is saved
// late only makes commits come again after a crash.
func (consumers *consumers) due(now time.Time) map[*Consumer]position {
	if now.Sub(consumers.savedAt).Abs() < watermarkInterval {
		return nil
	}
	return consumers.unsaved()
}

// committed records that the rows of save are committed.
func (consumers *consumers) committed(moved map[*Consumer]position, now time.Time) {
	if len(moved) > 0 {
		consumers.savedAt = now
	}
	for consumer, at := range moved {
		consumer.saved = at
	}
}

// slowest returns the watermark that lags most, or end if there is no consumer.
func (consumers *consumers) slowest(end position) position {
	slowest := end
	for _, consumer := range consumers.registered {
		if at := consumer.watermark(); at.commitID < slowest.commitID {
			slowest = at
		}
	}
	for _, at := range consumers.absent {
		if at.commitID < slowest.commitID {
			slowest = at
		}
	}
	return slowest
}
