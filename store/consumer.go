// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/follow"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// watermarkInterval is the time between two commits that carry watermarks.
const watermarkInterval = 100 * time.Millisecond

// registerCommand saves where the consumer of a new name begins.
type registerCommand struct{ name string }

func (command registerCommand) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	if !hasConsumer(batch, command.name) {
		end := batch.End()
		watermarksIn.In(batch).set(command.name, &end)
		watermarksIn.In(batch).lasting = true
	}
	return Outcome{}, nil
}

func (registerCommand) Groups() []string { return nil }

// unregisterCommand forgets a consumer.
type unregisterCommand struct{ name string }

func (command unregisterCommand) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	if !hasConsumer(batch, command.name) {
		return Outcome{}, failure.ErrNotFound
	}
	watermarksIn.In(batch).set(command.name, nil)
	watermarksIn.In(batch).lasting = true
	return Outcome{}, nil
}

func (unregisterCommand) Groups() []string { return nil }

// hasConsumer reports whether there is a consumer of a name after the batch.
func hasConsumer(batch *batch.Batch, name string) bool {
	if watermark, changed := watermarkIn(batch, name); changed {
		return watermark != nil
	}
	_, absent := watermarksIn.Table(batch.Tables()).absent[name]
	return absent || watermarksIn.Table(batch.Tables()).find(name) != nil
}

// watermarkIn returns the watermark of a consumer if the batch changes it. It is nil for a consumer
// that goes.
func watermarkIn(batch *batch.Batch, name string) (watermark *changelog.Position, changed bool) {
	for at := batch; at != nil && !changed; at = at.Below() {
		watermark, changed = watermarksIn.Of(at).watermarks[name]
	}
	return watermark, changed
}

// saveWatermarksCommand saves the watermarks that have moved.
type saveWatermarksCommand struct{}

func (saveWatermarksCommand) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	watermarksIn.Table(batch.Tables()).move(batch)
	return Outcome{}, nil
}

func (saveWatermarksCommand) Groups() []string { return nil }

// watermarkPart has the watermarks that a batch saves, by the names of the consumers. The
// watermark of a consumer that is forgotten is nil.
type watermarkPart struct {
	watermarks map[string]*changelog.Position
	// lasting tells that a consumer comes or goes: that holds the log, or lets the log go.
	lasting bool
}

func (part *watermarkPart) set(name string, watermark *changelog.Position) {
	if part.watermarks == nil {
		part.watermarks = map[string]*changelog.Position{}
	}
	part.watermarks[name] = watermark
}

func (part *watermarkPart) MergeInto(below *batch.Batch) {
	for name, watermark := range part.watermarks {
		watermarksIn.In(below).set(name, watermark)
	}
	watermarksIn.In(below).lasting = part.lasting || watermarksIn.Of(below).lasting
}

func (part *watermarkPart) Empty() bool { return len(part.watermarks) == 0 }

// waits is short for a watermark that moves: after a crash commits come again.
func (part *watermarkPart) Waits() batch.Waiting {
	if part.lasting {
		return batch.WaitsAsUsual
	}
	return batch.WaitsNot
}

func (part *watermarkPart) AppendTo(section []byte) []byte {
	for _, name := range slices.Sorted(maps.Keys(part.watermarks)) {
		section = changelog.AppendText(section, name)
		watermark := part.watermarks[name]
		if watermark == nil {
			section = append(section, 0)
			continue
		}
		section = append(section, 1)
		section = binary.AppendUvarint(section, watermark.CommitID)
		section = binary.AppendUvarint(section, watermark.End.Changes)
		section = binary.AppendUvarint(section, watermark.End.Bytes)
	}
	return section
}

// registered is a consumer with its watermark in the table.
type registered struct {
	name     string
	consumer *Consumer
	saved    changelog.Position
}

// consumers is the table of the watermarks.
type consumers struct {
	registered []*registered
	// absent has the watermarks of consumers that have not registered again since the store was
	// opened. They hold back trimming too. Otherwise a restart would make a gap.
	absent  map[string]changelog.Position
	savedAt time.Time

	selectConsumers *sqlite.Statement
	upsertConsumer  *sqlite.Statement
	deleteConsumer  *sqlite.Statement
}

func newConsumers(session *sqlite.Session) *consumers {
	return &consumers{
		absent:          map[string]changelog.Position{},
		selectConsumers: session.Prepare(`SELECT name, commit_id, changes_total, bytes_total FROM consumers`),
		upsertConsumer: session.Prepare(`INSERT INTO consumers (name, commit_id, changes_total, bytes_total) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET commit_id = excluded.commit_id, changes_total = excluded.changes_total, bytes_total = excluded.bytes_total`),
		deleteConsumer: session.Prepare(`DELETE FROM consumers WHERE name = ?`),
	}
}

// Load reads where every consumer left off.
func (consumers *consumers) Load() error {
	return consumers.selectConsumers.Query(func(row sqlite.Row) bool {
		consumers.absent[row.Text(0)] = changelog.Position{CommitID: row.Unsigned(1), End: changelog.Totals{Changes: row.Unsigned(2), Bytes: row.Unsigned(3)}}
		return true
	})
}

func (consumers *consumers) Read(batch *batch.Batch, section *changelog.Reader) {
	for section.More() {
		name := section.Text()
		switch section.Byte() {
		case 0:
			watermarksIn.In(batch).set(name, nil)
		case 1:
			watermarksIn.In(batch).set(name, &changelog.Position{CommitID: section.Number(), End: changelog.Totals{Changes: section.Number(), Bytes: section.Number()}})
		default:
			section.Fail()
		}
	}
}

// Save writes the watermarks of a batch.
func (consumers *consumers) Save(transaction *sqlite.Transaction, batch *batch.Batch) {
	for name, at := range watermarksIn.Of(batch).watermarks {
		if at == nil {
			transaction.Execute(consumers.deleteConsumer, name)
		} else {
			transaction.Execute(consumers.upsertConsumer, name, int64(at.CommitID), int64(at.End.Changes), int64(at.End.Bytes))
		}
	}
}

// Saved records that the watermarks of a batch are committed.
func (consumers *consumers) Saved(batch *batch.Batch) (bytes int) {
	for name, at := range watermarksIn.Of(batch).watermarks {
		consumer := consumers.find(name)
		switch {
		case at == nil:
			consumers.forget(name)
		case consumer == nil:
			consumers.absent[name] = *at
		default:
			consumer.saved, consumers.savedAt = *at, batch.Timestamp()
		}
	}
	return 0
}

// register returns the consumer of a name that is saved.
func (consumers *consumers) register(followers *follow.Followers, name string) (*Consumer, error) {
	if known := consumers.find(name); known != nil {
		return known.consumer, nil
	}
	at, known := consumers.absent[name]
	if !known {
		return nil, failure.ErrNotFound // it was unregistered at once
	}
	consumer := follow.NewConsumer(followers, name, at)
	delete(consumers.absent, name)
	consumers.registered = append(consumers.registered, &registered{name: name, consumer: consumer, saved: at})
	return consumer, nil
}

func (consumers *consumers) find(name string) *registered {
	for _, consumer := range consumers.registered {
		if consumer.name == name {
			return consumer
		}
	}
	return nil
}

func (consumers *consumers) forget(name string) {
	delete(consumers.absent, name)
	consumers.registered = slices.DeleteFunc(consumers.registered, func(consumer *registered) bool {
		if consumer.name == name {
			follow.EndConsumer(consumer.consumer)
		}
		return consumer.name == name
	})
}

// move adds to a batch the watermarks that have moved since they were saved. A watermark that the
// batch changes already stays: its consumer may come or go with the batch.
func (consumers *consumers) move(batch *batch.Batch) {
	for _, consumer := range consumers.registered {
		at := follow.Watermark(consumer.consumer)
		if _, changed := watermarkIn(batch, consumer.name); !changed && at != consumer.saved {
			watermarksIn.In(batch).set(consumer.name, &at)
		}
	}
}

// moveIfDue is move for a commit that changes something else. It need not carry every step: a
// watermark that is saved late only makes commits come again after a crash.
func (consumers *consumers) moveIfDue(batch *batch.Batch) {
	if batch.Timestamp().Sub(consumers.savedAt).Abs() >= watermarkInterval {
		consumers.move(batch)
	}
}

// areAhead reports whether a watermark has moved since it was saved.
func (consumers *consumers) areAhead() bool {
	return slices.ContainsFunc(consumers.registered, func(consumer *registered) bool { return follow.Watermark(consumer.consumer) != consumer.saved })
}

// slowest returns the watermark that lags most, or end if there is no consumer.
func (consumers *consumers) slowest(end changelog.Position) changelog.Position {
	slowest := end
	for _, consumer := range consumers.registered {
		if at := follow.Watermark(consumer.consumer); at.CommitID < slowest.CommitID {
			slowest = at
		}
	}
	for _, at := range consumers.absent {
		if at.CommitID < slowest.CommitID {
			slowest = at
		}
	}
	return slowest
}
