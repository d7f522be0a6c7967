// SPDX-License-Identifier: EUPL-1.2

package batch

import (
	"errors"
	"fmt"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Table is a part of the database that a commit saves beside the entries. A batch gathers the
// changes of a table in a part, which is a section of the record. A commit with a section costs a
// row more, so no table has a section in every commit. A table belongs to the owner of the
// committer.
type Table interface {
	// Load reads the table when the store is opened.
	Load() error
	// Read makes the part of a batch from the section of a record.
	Read(batch *Batch, section *changelog.Reader)
	// Save writes a batch's part of the table in the transaction of its commit. It
	// changes nothing in memory.
	Save(transaction *sqlite.Transaction, batch *Batch)
	// Saved brings memory to the part when the commit is on disk. It returns about how
	// many bytes the part has added to the database.
	Saved(batch *Batch) (bytes int)
}

// Part is what a batch changes of one table.
type Part interface {
	// MergeInto adds the part to that of the batch below.
	MergeInto(below *Batch)
	// Empty reports whether there is nothing to save.
	Empty() bool
	// Waits tells how a commit of the part waits for the disk.
	Waits() Waiting
	// AppendTo appends the section of a record, which Table.Read undoes.
	AppendTo(section []byte) []byte
}

// Waiting is how a commit waits for the disk.
type Waiting int

const (
	// WaitsNot is for changes that are made again after a crash. A later commit brings them to
	// disk.
	WaitsNot Waiting = iota
	// WaitsAsUsual is for changes that a caller relies on, as far as the durability of the
	// store goes.
	WaitsAsUsual
	// WaitsAlways is for changes that belong to files beside the database, whatever the
	// durability of the store.
	WaitsAlways
)

// The places of the parts in a batch, and the numbers of their sections in a record. They are
// saved in this order. A number is never used for something else.
const (
	PlaceOfAnswers = iota
	PlaceOfRuns
	PlaceOfJournal
	PlaceOfQuotas
	PlaceOfConsumers
	partsOfBatch
)

// parts are what a batch changes of each table. A part is nil as long as the batch
// changes nothing of its table.
type parts [partsOfBatch]Part

// mergeInto adds the parts to those of the batch below.
func (parts *parts) mergeInto(below *Batch) {
	for _, part := range parts {
		if part != nil {
			part.MergeInto(below)
		}
	}
}

// empty reports whether there is nothing to save.
func (parts *parts) empty() bool {
	for _, part := range parts {
		if part != nil && !part.Empty() {
			return false
		}
	}
	return true
}

// waits tells how a commit of the parts waits for the disk.
func (parts *parts) waits() Waiting {
	longest := WaitsNot
	for _, part := range parts {
		if part != nil && !part.Empty() {
			longest = max(longest, part.Waits())
		}
	}
	return longest
}

// onlyAnswers reports whether nothing is saved but answers.
func (parts *parts) onlyAnswers() bool {
	for place, part := range parts {
		if place != PlaceOfAnswers && part != nil && !part.Empty() {
			return false
		}
	}
	return true
}

// sections returns the parts as the sections of a record.
func (parts *parts) sections() []byte {
	var sections changelog.Sections
	for place, part := range parts {
		if part != nil && !part.Empty() {
			sections.Add(place, part.AppendTo)
		}
	}
	return sections.Blob()
}

// Slot gives one table of a store, and the part of that table in a batch.
type Slot[Changes any, Pointer interface {
	*Changes
	Part
}, Kept Table] struct {
	// Place is the place of the table and of its part.
	Place int
}

// Table returns the table.
func (slot Slot[Changes, Pointer, Kept]) Table(tables *Tables) Kept {
	held, _ := tables[slot.Place].(Kept)
	return held
}

// Of returns the part, which may be empty but must not be changed.
func (slot Slot[Changes, Pointer, Kept]) Of(batch *Batch) Pointer {
	if held, ok := batch.parts[slot.Place].(Pointer); ok {
		return held
	}
	return new(Changes)
}

// In returns the part for a change.
func (slot Slot[Changes, Pointer, Kept]) In(batch *Batch) Pointer {
	if held, ok := batch.parts[slot.Place].(Pointer); ok {
		return held
	}
	made := Pointer(new(Changes))
	batch.parts[slot.Place] = made
	return made
}

// Tables are all that is saved with a commit beside the entries, by the places of their parts.
type Tables [partsOfBatch]Table

// Load reads all tables.
func (tables *Tables) Load() (err error) {
	for _, table := range tables {
		err = errors.Join(err, table.Load())
	}
	return err
}

// read gives a batch the parts that the sections of a record tell of.
func (tables *Tables) read(batch *Batch, sections []byte) error {
	return changelog.ReadSections(sections, func(table uint64, section *changelog.Reader) error {
		if table >= uint64(len(tables)) {
			return fmt.Errorf("%w: table %d is unknown to this version", changelog.ErrDamaged, table)
		}
		tables[table].Read(batch, section)
		return nil
	})
}

// Save writes a batch's parts in the transaction of its commit.
func (tables *Tables) Save(transaction *sqlite.Transaction, batch *Batch) {
	for place, table := range tables {
		if batch.parts[place] != nil {
			table.Save(transaction, batch)
		}
	}
}

// Saved brings the tables to the parts of a batch that is committed.
func (tables *Tables) Saved(batch *Batch) (bytes int) {
	for place, table := range tables {
		if batch.parts[place] != nil {
			bytes += table.Saved(batch)
		}
	}
	return bytes
}
