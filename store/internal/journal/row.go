// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"encoding/binary"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Row is an entry as it is kept.
type Row struct {
	point
	entryID     int64
	committedAt int64 // Unix nanoseconds
}

// columnsOfRow are the columns that rowOf reads.
const columnsOfRow = `e.committed_at, e.entry_id, e.namespace, e.measurement, e.fields, e.tags`

func rowOf(columns sqlite.Row) (row Row) {
	row.committedAt, row.entryID = columns.Signed(0), columns.Signed(1)
	row.namespace, row.measurement = columns.Text(2), columns.Text(3)
	row.fields, row.tags = columns.Text(4), columns.Text(5)
	return row
}

// EntryID is the id of the entry.
func (row *Row) EntryID() int64 { return row.entryID }

// CommittedAt is the time of the entry.
func (row *Row) CommittedAt() time.Time { return time.Unix(0, row.committedAt).UTC() }

// Namespace is empty for an entry outside every namespace.
func (row *Row) Namespace() string { return row.namespace }

// Measurement is the name of the measured thing.
func (row *Row) Measurement() string { return row.measurement }

// Bytes is the size of the entry.
func (row *Row) Bytes() int {
	return len(row.namespace) + len(row.measurement) + len(row.fields) + len(row.tags)
}

// Values returns the tags and fields, to be decoded one by one.
func (row *Row) Values() Values {
	return Values{tags: keptValues(row.tags), fields: keptValues(row.fields)}
}

// Entry returns the entry, all decoded.
func (row *Row) Entry() JournalEntry {
	return row.entry(row.entryID, row.CommittedAt())
}

func (row *Row) appendTo(section []byte) []byte {
	section = binary.AppendVarint(section, row.entryID)
	section = binary.AppendVarint(section, row.committedAt)
	for _, text := range [...]string{row.namespace, row.measurement, row.fields, row.tags} {
		section = changelog.AppendText(section, text)
	}
	return section
}

func readRow(section *changelog.Reader) Row {
	return Row{
		entryID: section.Signed(), committedAt: section.Signed(),
		point: point{namespace: section.Text(), measurement: section.Text(), fields: section.Text(), tags: section.Text()},
	}
}
