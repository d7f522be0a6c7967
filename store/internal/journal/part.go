// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"encoding/binary"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
)

// slot has the place of the journal's table, and of its part in a batch.
var slot = batch.Slot[part, *part, *Table]{Place: batch.PlaceOfJournal}

// part is the journal's part of a batch: new entries, and steps in their order.
type part struct {
	rows  []Row
	steps []step
	// grown are the bytes that the rows add to their namespaces.
	grown map[string]int64
	// accounts are the accounts that change, as they are when the part is committed.
	accounts []account
}

// insert adds a new entry.
func (changes *part) insert(row *Row) {
	changes.rows = append(changes.rows, *row)
	changes.grow(row.namespace, int64(row.Bytes()))
}

func (changes *part) grow(namespace string, bytes int64) {
	if changes.grown == nil {
		changes.grown = map[string]int64{}
	}
	changes.grown[namespace] += bytes
}

func (changes *part) add(step step) { changes.steps = append(changes.steps, step) }

// Empty implements batch.Part.
func (changes *part) Empty() bool { return len(changes.rows)+len(changes.steps) == 0 }

// MergeInto implements batch.Part.
func (changes *part) MergeInto(below *batch.Batch) {
	sum := slot.In(below)
	sum.rows = append(sum.rows, changes.rows...)
	for namespace, bytes := range changes.grown {
		sum.grow(namespace, bytes)
	}
	sum.steps = append(sum.steps, changes.steps...)
}

// Waits implements batch.Part.
func (changes *part) Waits() batch.Waiting {
	if len(changes.rows) > 0 {
		return batch.WaitsAsUsual
	}
	longest := batch.WaitsNot
	for _, step := range changes.steps {
		longest = max(longest, step.waits())
	}
	return longest
}

// AppendTo implements batch.Part.
func (changes *part) AppendTo(section []byte) []byte {
	section = binary.AppendUvarint(section, uint64(len(changes.rows)))
	for index := range changes.rows {
		section = changes.rows[index].appendTo(section)
	}
	for _, step := range changes.steps {
		section = append(section, byte(step.kind()))
		section = step.appendTo(section)
	}
	return section
}

// readFrom reads a section that AppendTo has appended.
func (changes *part) readFrom(section *changelog.Reader) {
	for rows := section.Number(); rows > 0 && !section.Failed(); rows-- {
		row := readRow(section)
		changes.insert(&row)
	}
	for section.More() {
		changes.steps = append(changes.steps, readStep(section))
	}
}

// counts are the figures that the changes add, by namespace.
func (changes *part) counts() sums {
	added := sums{}
	for index := range changes.rows {
		added.add(changes.rows[index].namespace, figures{JournalCounts{Pending: 1}, int64(changes.rows[index].Bytes())})
	}
	for _, step := range changes.steps {
		for namespace, counts := range step.sums() {
			added.add(namespace, counts)
		}
	}
	return added
}

// countsIn returns the counts of a namespace after the batch.
func countsIn(batch *batch.Batch, namespace string) JournalCounts {
	counts := Of(batch.Tables()).accounts.of(namespace).JournalCounts
	for ; batch != nil; batch = batch.Below() {
		counts.add(slot.Of(batch).counts()[namespace].JournalCounts)
	}
	return counts
}

// bytesIn returns the bytes of the entries of a namespace after the batch, without those that the
// batch archives.
func bytesIn(batch *batch.Batch, namespace string) int64 {
	bytes := Of(batch.Tables()).Bytes(namespace)
	for ; batch != nil; batch = batch.Below() {
		bytes += slot.Of(batch).grown[namespace]
	}
	return bytes
}

// positionOf returns the position of a namespace after the steps, and whether they settle anything
// of it.
func (changes *part) positionOf(namespace string, before int64) (position int64, served bool) {
	position = before
	for _, step := range changes.steps {
		if through, settles := step.through()[namespace]; settles {
			position, served = through, true
		}
	}
	return position, served
}

// firstOf is the time of the first new entry of a namespace.
func (changes *part) firstOf(namespace string) int64 {
	for index := range changes.rows {
		if row := &changes.rows[index]; row.namespace == namespace {
			return row.committedAt
		}
	}
	return 0
}

// positionIn returns the position of a namespace after the batch.
func positionIn(batch *batch.Batch, namespace string) (position int64) {
	if below := batch.Below(); below != nil {
		position = positionIn(below, namespace)
	} else {
		position = Of(batch.Tables()).accounts.of(namespace).position
	}
	position, _ = slot.Of(batch).positionOf(namespace, position)
	return position
}

// positions are times up to which each entry is settled, by namespace.
type positions map[string]int64

func (positions positions) appendTo(section []byte) []byte {
	section = binary.AppendUvarint(section, uint64(len(positions)))
	for _, namespace := range sortedNames(positions) {
		section = changelog.AppendText(section, namespace)
		section = binary.AppendVarint(section, positions[namespace])
	}
	return section
}

func readPositions(section *changelog.Reader) positions {
	read := positions{}
	for left := section.Number(); left > 0 && !section.Failed(); left-- {
		read[section.Text()] = section.Signed()
	}
	return read
}

// figures are the counts of a namespace.
type figures struct {
	JournalCounts
	bytes int64
}

// sums are figures that are added to the accounts of namespaces.
type sums map[string]figures

func (sums sums) add(namespace string, more figures) {
	sum := sums[namespace]
	sum.add(more.JournalCounts)
	sum.bytes += more.bytes
	sums[namespace] = sum
}

func (sums sums) appendTo(section []byte) []byte {
	section = binary.AppendUvarint(section, uint64(len(sums)))
	for _, namespace := range sortedNames(sums) {
		counts := sums[namespace]
		section = changelog.AppendText(section, namespace)
		section = binary.AppendVarint(section, counts.Pending)
		section = binary.AppendVarint(section, counts.Delivered)
		section = binary.AppendVarint(section, counts.Rejected)
		section = binary.AppendVarint(section, counts.bytes)
	}
	return section
}

func readSums(section *changelog.Reader) sums {
	read := sums{}
	for left := section.Number(); left > 0 && !section.Failed(); left-- {
		read[section.Text()] = figures{JournalCounts{Pending: section.Signed(), Delivered: section.Signed(), Rejected: section.Signed()}, section.Signed()}
	}
	return read
}
