// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// table is a part of the database that a commit saves beside the entries. A batch gathers the
// changes of a table in a part, which is a section of the record. A table belongs to the owner
// of the committer.
type table interface {
	// load reads the table when the store is opened.
	load() error
	// read makes the part of a batch from the section of a record.
	read(batch *batch, section *changelog.Reader)
	// save writes a batch's part of the table in the transaction of its commit. It
	// changes nothing in memory.
	save(transaction *sqlite.Transaction, batch *batch)
	// saved brings memory to the part when the commit is on disk. It returns about how
	// many bytes the part has added to the database.
	saved(batch *batch) (bytes int)
}

// part is what a batch changes of one table.
type part interface {
	// mergeInto adds the part to that of the batch below.
	mergeInto(below *batch)
	// empty reports whether there is nothing to save.
	empty() bool
	// waits tells how a commit of the part waits for the disk.
	waits() waiting
	// appendTo appends the section of a record, which read undoes.
	appendTo(section []byte) []byte
}

// waiting is how a commit waits for the disk.
type waiting int

const (
	// waitsNot is for changes that are made again after a crash. A later commit brings them to
	// disk.
	waitsNot waiting = iota
	// waitsAsUsual is for changes that a caller relies on, as far as the durability of the
	// store goes.
	waitsAsUsual
	// waitsAlways is for changes that belong to files beside the database, whatever the
	// durability of the store.
	waitsAlways
)

// The places of the parts in a batch, and the numbers of their sections in a record. They are
// saved in this order. A number is never used for something else.
const (
	placeOfAnswers = iota
	placeOfRuns
	placeOfJournal
	placeOfQuotas
	placeOfConsumers
	partsOfBatch
)

// parts are what a batch changes of each table. A part is nil as long as the batch
// changes nothing of its table.
type parts [partsOfBatch]part

// mergeInto adds the parts to those of the batch below.
func (parts *parts) mergeInto(below *batch) {
	for _, part := range parts {
		if part != nil {
			part.mergeInto(below)
		}
	}
}

// empty reports whether there is nothing to save.
func (parts *parts) empty() bool {
	for _, part := range parts {
		if part != nil && !part.empty() {
			return false
		}
	}
	return true
}

// waits tells how a commit of the parts waits for the disk.
func (parts *parts) waits() waiting {
	longest := waitsNot
	for _, part := range parts {
		if part != nil && !part.empty() {
			longest = max(longest, part.waits())
		}
	}
	return longest
}

// sections returns the parts as the sections of a record.
func (parts *parts) sections() []byte {
	var sections changelog.Sections
	for place, part := range parts {
		if part != nil && !part.empty() {
			sections.Add(place, part.appendTo)
		}
	}
	return sections.Blob()
}

// slot gives one table of a store, and the part of that table in a batch.
type slot[Part any, Pointer interface {
	*Part
	part
}, Table table] struct{ place int }

var (
	answersIn    = slot[answerPart, *answerPart, *retries]{placeOfAnswers}
	runsIn       = slot[runPart, *runPart, *workspaceRuns]{placeOfRuns}
	journalIn    = slot[journalPart, *journalPart, *journal]{placeOfJournal}
	quotasIn     = slot[quotaPart, *quotaPart, *quotas]{placeOfQuotas}
	watermarksIn = slot[watermarkPart, *watermarkPart, *consumers]{placeOfConsumers}
)

// table returns the table.
func (slot slot[Part, Pointer, Table]) table(tables *tables) Table {
	held, _ := tables[slot.place].(Table)
	return held
}

// of returns the part, which may be empty but must not be changed.
func (slot slot[Part, Pointer, Table]) of(batch *batch) Pointer {
	if held, ok := batch.parts[slot.place].(Pointer); ok {
		return held
	}
	return new(Part)
}

// in returns the part for a change.
func (slot slot[Part, Pointer, Table]) in(batch *batch) Pointer {
	if held, ok := batch.parts[slot.place].(Pointer); ok {
		return held
	}
	made := Pointer(new(Part))
	batch.parts[slot.place] = made
	return made
}

// tables are all that is saved with a commit beside the entries, by the places of their parts.
type tables [partsOfBatch]table

func newTables(session *sqlite.Session, engine *engine) *tables {
	return &tables{
		placeOfAnswers:   newRetries(session),
		placeOfRuns:      newWorkspaceRuns(session, engine.fileless),
		placeOfJournal:   newJournal(session, engine.journal),
		placeOfQuotas:    newQuotas(session),
		placeOfConsumers: newConsumers(session),
	}
}

func (tables *tables) load() (err error) {
	for _, table := range tables {
		err = errors.Join(err, table.load())
	}
	return err
}

// read gives a batch the parts that the sections of a record tell of.
func (tables *tables) read(batch *batch, sections []byte) error {
	return changelog.ReadSections(sections, func(table uint64, section *changelog.Reader) error {
		if table >= uint64(len(tables)) {
			return fmt.Errorf("%w: table %d is unknown to this version", changelog.ErrDamaged, table)
		}
		tables[table].read(batch, section)
		return nil
	})
}

// save writes a batch's parts in the transaction of its commit.
func (tables *tables) save(transaction *sqlite.Transaction, batch *batch) {
	for place, table := range tables {
		if batch.parts[place] != nil {
			table.save(transaction, batch)
		}
	}
}

// saved brings the tables to the parts of a batch that is committed.
func (tables *tables) saved(batch *batch) (bytes int) {
	for place, table := range tables {
		if batch.parts[place] != nil {
			bytes += table.saved(batch)
		}
	}
	return bytes
}
