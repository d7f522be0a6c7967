// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// Command puts a point into the journal. Make it with NewCommand; the zero value is refused. The
// contract shows no method of it beside Apply and Groups, so there are functions instead.
type Command struct{ point }

// point is the part of an entry that a caller gives, checked and encoded.
type point struct {
	namespace   string
	measurement string
	fields      string
	tags        string
}

// NewCommand makes the command that commits a point to the journal. An empty namespace puts the
// point outside every namespace. store.NewJournalCommand lists the limits and errors.
func NewCommand[Value any](namespace, measurement string, fields map[string]Value, tags map[string]string) (Command, error) {
	if namespace != "" {
		if err := kv.CheckNamespace(namespace); err != nil {
			return Command{}, err
		}
	}
	if err := checkMeasurement(measurement); err != nil {
		return Command{}, err
	}
	keptTags, err := keepTags(tags, fields)
	if err != nil {
		return Command{}, err
	}
	keptFields, err := keepFields(fields)
	if err != nil {
		return Command{}, err
	}
	if size := len(keptFields) + len(keptTags); size > MaxEntryBytes {
		return Command{}, &failure.TooLargeError{What: "journal entry", Size: size, Limit: MaxEntryBytes}
	}
	return Command{point{namespace: namespace, measurement: measurement, fields: keptFields, tags: keptTags}}, nil
}

// Apply implements Command.
func (command Command) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	if command.measurement == "" {
		return commands.Outcome{}, invalidEntry("it was not made by NewJournalCommand")
	}
	if err := CheckSize(command, batch.Limits()); err != nil {
		return commands.Outcome{}, err
	}
	last := lastRow(batch)
	row := Row{
		point:       command.point,
		entryID:     last.entryID + 1,
		committedAt: max(last.committedAt+1, batch.Timestamp().UnixNano()),
	}
	if err := admit(batch, &row); err != nil {
		return commands.Outcome{}, err
	}
	slot.In(batch).insert(&row)
	return commands.Outcome{EntryID: row.entryID, CommittedAt: row.CommittedAt()}, nil
}

// Groups implements Command.
func (command Command) Groups() []string { return nil }

// Grows reports true, see commands.Grows.
func (Command) Grows() bool { return true }

// admit returns QuotaExceededError for an entry for which its namespace has no room.
func admit(batch *batch.Batch, row *Row) error {
	limit := batch.Quota(row.namespace).MaxJournalBytes
	if limit == 0 {
		return nil
	}
	if bytes := bytesIn(batch, row.namespace); bytes+int64(row.Bytes()) > limit {
		return &failure.QuotaExceededError{Quota: "journal_bytes", Limit: limit, Usage: bytes}
	}
	return nil
}

// CheckSize checks the size of the entry on the wire, in a list of refused entries, against the
// limit of entries.
func CheckSize(command Command, limits kv.Limits) error {
	size := kv.EntryOverhead + len(command.measurement) + len(command.fields) + len(command.tags)
	if command.namespace != "" && limits.EntryBytes > 0 && size > limits.EntryBytes {
		return &failure.TooLargeError{What: "journal entry", Size: size, Limit: limits.EntryBytes}
	}
	return nil
}

// EntryOf returns the entry that a command has made.
func EntryOf(command Command, outcome commands.Outcome) JournalEntry {
	return command.entry(outcome.EntryID, outcome.CommittedAt)
}

// entry decodes the point.
func (point *point) entry(id int64, at time.Time) JournalEntry {
	return JournalEntry{
		EntryID: id, Namespace: point.namespace, Measurement: point.measurement,
		Fields: readFields(point.fields), Tags: readTags(point.tags), CommittedAt: at,
	}
}

// lastRow returns the newest entry as the batch has it, by its time and id.
func lastRow(batch *batch.Batch) Row {
	for ; ; batch = batch.Below() {
		if rows := slot.Of(batch).rows; len(rows) > 0 {
			return rows[len(rows)-1]
		}
		if batch.Below() == nil {
			return Of(batch.Tables()).last
		}
	}
}
