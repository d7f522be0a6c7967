// SPDX-License-Identifier: EUPL-1.2

package watermarks

import (
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/follow"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// interval is the time between two commits that carry watermarks.
const interval = 100 * time.Millisecond

// slot is the place of the table, and of its part in a batch.
var slot = batch.Slot[part, *part, *Table]{Place: batch.PlaceOfConsumers}

// registered is a consumer with its watermark in the table.
type registered struct {
	name     string
	consumer *follow.Consumer
	saved    changelog.Position
}

// Table is the table of the watermarks.
type Table struct {
	registered []*registered
	// absent has the watermarks of consumers that have not registered again since the store was
	// opened. They hold back trimming too. Otherwise a restart would make a gap.
	absent  map[string]changelog.Position
	savedAt time.Time

	selectConsumers *sqlite.Statement
	upsertConsumer  *sqlite.Statement
	deleteConsumer  *sqlite.Statement
}

// New prepares the statements of the table.
func New(session *sqlite.Session) *Table {
	return &Table{
		absent:          map[string]changelog.Position{},
		selectConsumers: session.Prepare(`SELECT name, commit_id, changes_total, bytes_total FROM consumers`),
		upsertConsumer: session.Prepare(`INSERT INTO consumers (name, commit_id, changes_total, bytes_total) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET commit_id = excluded.commit_id, changes_total = excluded.changes_total, bytes_total = excluded.bytes_total`),
		deleteConsumer: session.Prepare(`DELETE FROM consumers WHERE name = ?`),
	}
}

// Of returns the table of a store.
func Of(tables *batch.Tables) *Table { return slot.Table(tables) }

// Load reads the watermark of every consumer.
func (table *Table) Load() error {
	return table.selectConsumers.Query(func(row sqlite.Row) bool {
		table.absent[row.Text(0)] = changelog.Position{CommitID: row.Unsigned(1), End: changelog.Totals{Changes: row.Unsigned(2), Bytes: row.Unsigned(3)}}
		return true
	})
}

// Read makes the part of a batch from a section.
func (table *Table) Read(batch *batch.Batch, section *changelog.Reader) {
	for section.More() {
		name := section.Text()
		switch section.Byte() {
		case 0:
			slot.In(batch).set(name, nil)
		case 1:
			slot.In(batch).set(name, &changelog.Position{CommitID: section.Number(), End: changelog.Totals{Changes: section.Number(), Bytes: section.Number()}})
		default:
			section.Fail()
		}
	}
}

// Save writes the watermarks of a batch.
func (table *Table) Save(transaction *sqlite.Transaction, batch *batch.Batch) {
	for name, at := range slot.Of(batch).watermarks {
		if at == nil {
			transaction.Execute(table.deleteConsumer, name)
		} else {
			transaction.Execute(table.upsertConsumer, name, int64(at.CommitID), int64(at.End.Changes), int64(at.End.Bytes))
		}
	}
}

// Saved records that the watermarks of a batch are committed.
func (table *Table) Saved(batch *batch.Batch) (bytes int) {
	for name, at := range slot.Of(batch).watermarks {
		consumer := table.find(name)
		switch {
		case at == nil:
			table.forget(name)
		case consumer == nil:
			table.absent[name] = *at
		default:
			consumer.saved, table.savedAt = *at, batch.Timestamp()
		}
	}
	return 0
}

// Consumer returns the consumer of a name, which Register has saved.
func (table *Table) Consumer(followers *follow.Followers, name string) (*follow.Consumer, error) {
	if known := table.find(name); known != nil {
		return known.consumer, nil
	}
	at, known := table.absent[name]
	if !known {
		return nil, failure.ErrNotFound // it was unregistered at once
	}
	consumer := follow.NewConsumer(followers, name, at)
	delete(table.absent, name)
	table.registered = append(table.registered, &registered{name: name, consumer: consumer, saved: at})
	return consumer, nil
}

func (table *Table) find(name string) *registered {
	for _, consumer := range table.registered {
		if consumer.name == name {
			return consumer
		}
	}
	return nil
}

func (table *Table) forget(name string) {
	delete(table.absent, name)
	table.registered = slices.DeleteFunc(table.registered, func(consumer *registered) bool {
		if consumer.name == name {
			follow.EndConsumer(consumer.consumer)
		}
		return consumer.name == name
	})
}

// move adds to a batch the watermarks that have moved since they were saved. A watermark that the
// batch changes already stays: its consumer may come or go with the batch.
func (table *Table) move(batch *batch.Batch) {
	for _, consumer := range table.registered {
		at := follow.Watermark(consumer.consumer)
		if _, changed := watermarkIn(batch, consumer.name); !changed && at != consumer.saved {
			slot.In(batch).set(consumer.name, &at)
		}
	}
}

// MoveIfDue adds the watermarks that have moved to a batch that changes something else, if none
// was saved for a while. A watermark that is saved late only makes commits come again after a
// crash.
func (table *Table) MoveIfDue(batch *batch.Batch) {
	if batch.Timestamp().Sub(table.savedAt).Abs() >= interval {
		table.move(batch)
	}
}

// AreAhead reports whether a watermark has moved since it was saved.
func (table *Table) AreAhead() bool {
	return slices.ContainsFunc(table.registered, func(consumer *registered) bool { return follow.Watermark(consumer.consumer) != consumer.saved })
}

// Slowest returns the watermark that lags most, or end if there is no consumer.
func (table *Table) Slowest(end changelog.Position) changelog.Position {
	slowest := end
	for _, consumer := range table.registered {
		if at := follow.Watermark(consumer.consumer); at.CommitID < slowest.CommitID {
			slowest = at
		}
	}
	for _, at := range table.absent {
		if at.CommitID < slowest.CommitID {
			slowest = at
		}
	}
	return slowest
}
