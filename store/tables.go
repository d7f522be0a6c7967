// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"

	"dappco.re/go/storebus/store/internal/sqlite"
)

// table is a part of the database that a commit saves beside the log. A batch gathers the
// changes of a table in a part. A table belongs to the owner of the committer.
type table interface {
	// load reads the table when the store is opened.
	load() error
	// save writes a batch's part of the table in the transaction of its commit. It
	// changes nothing in memory.
	save(batch *batch) error
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
}

// The places of the parts in a batch. They are saved in this order.
const (
	placeOfAnswers = iota
	placeOfRuns
	placeOfJournal
	placeOfQuotas
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

// slot gives the part of one table in a batch.
type slot[P any, Pointer interface {
	*P
	part
}] struct{ place int }

var (
	answersIn = slot[answerPart, *answerPart]{placeOfAnswers}
	runsIn    = slot[runPart, *runPart]{placeOfRuns}
	journalIn = slot[journalPart, *journalPart]{placeOfJournal}
	quotasIn  = slot[quotaPart, *quotaPart]{placeOfQuotas}
)

// of returns the part, which may be empty but must not be changed.
func (slot slot[P, Pointer]) of(batch *batch) Pointer {
	if held, ok := batch.parts[slot.place].(Pointer); ok {
		return held
	}
	return new(P)
}

// in returns the part for a change.
func (slot slot[P, Pointer]) in(batch *batch) Pointer {
	if held, ok := batch.parts[slot.place].(Pointer); ok {
		return held
	}
	made := Pointer(new(P))
	batch.parts[slot.place] = made
	return made
}

// tables are all that is saved with a commit beside the log.
type tables struct {
	answers *retries
	runs    *workspaceRuns
	journal *journal
	quotas  *quotas
}

func newTables(session *sqlite.Session) *tables {
	return &tables{answers: newRetries(session), runs: newWorkspaceRuns(session), journal: newJournal(session), quotas: newQuotas(session)}
}

// all lists the tables by the places of their parts.
func (tables *tables) all() [partsOfBatch]table {
	return [partsOfBatch]table{
		placeOfAnswers: tables.answers, placeOfRuns: tables.runs, placeOfJournal: tables.journal, placeOfQuotas: tables.quotas,
	}
}

func (tables *tables) load() (err error) {
	for _, table := range tables.all() {
		err = errors.Join(err, table.load())
	}
	return err
}

// save writes a batch's parts in the transaction of its commit, one after the other: a
// statement that fails may have ended the transaction.
func (tables *tables) save(batch *batch) error {
	for place, table := range tables.all() {
		if batch.parts[place] == nil {
			continue
		}
		if err := table.save(batch); err != nil {
			return err
		}
	}
	return nil
}

// saved brings the tables to the parts of a batch that is committed.
func (tables *tables) saved(batch *batch) (bytes int) {
	for place, table := range tables.all() {
		if batch.parts[place] != nil {
			bytes += table.saved(batch)
		}
	}
	return bytes
}
