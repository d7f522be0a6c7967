// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// chore is work of the committer beside reads and writes. It is done in slices, one between
// two batches, so that it holds up nobody.
type chore struct {
	// due reports whether a slice would do something now. It looks at memory only: it is
	// asked after every batch.
	due func() bool
	// slice does a share of the work, and reports whether there is more.
	slice func() (more bool)
}

// removalsAtClose is how many slices of deleted groups Close waits for. Opening the store goes on
// with the rest.
const removalsAtClose = 1024

// The chores, in the order in which they get their turns.
const (
	choreTables = iota
	choreDeletions
	choreArchives
	choreTrimming
	choreAnswers
	choreSections
	choreMarks
	choreCheckpoint
	choresOfCommitter
)

func (committer *committer) newChores() [choresOfCommitter]chore {
	return [choresOfCommitter]chore{
		choreTables:     {committer.tablesAreBehind, committer.materialiseIdle},
		choreDeletions:  {committer.deletionsWait, committer.carryOut},
		choreArchives:   {journal.Of(committer.tables).Archives.RemovalsWait, committer.removeArchived},
		choreTrimming:   {committer.trimIsDue, committer.trim},
		choreAnswers:    {committer.answersAreOld, committer.clearRetries},
		choreSections:   {committer.log.SectionsAreMany, committer.removeSections},
		choreMarks:      {committer.marksAreLeft, committer.removeMarks},
		choreCheckpoint: {committer.checkpoints.areDue, committer.checkpoints.shorten},
	}
}

// attendTo does a slice of a chore if it is due and the store still writes.
func (committer *committer) attendTo(chore *chore) (more bool) {
	return chore.due() && committer.broken.Load() == nil && chore.slice()
}

// hasChores reports whether a chore is due.
func (committer *committer) hasChores() bool {
	for index := range committer.chores {
		if committer.chores[index].due() {
			return true
		}
	}
	return false
}

// deletionsWait reports whether deletions are to be carried out.
func (committer *committer) deletionsWait() bool { return committer.view.DeletionsWaiting() > 0 }

// carryOut carries out a slice of the deletions, and reports whether there is more.
func (committer *committer) carryOut() (more bool) {
	removal, err := committer.materialiser.NextRemoval()
	if err == nil && removal.Rows() > 0 {
		err = committer.unsynced(func(transaction *sqlite.Transaction) { committer.materialiser.Write(transaction, &removal.Slice) })
	}
	committer.tried(workDeletions, err)
	if err != nil {
		return false
	}
	committer.checkpoints.written += removal.Counted * sqlite.RowBytes
	committer.materialiser.Removed(removal)
	return committer.deletionsWait()
}

// removeArchived removes a slice of the rows that are in an archive, and reports whether there is
// more.
func (committer *committer) removeArchived() (more bool) {
	archives := journal.Of(committer.tables).Archives
	written, err := archives.Remove(committer.unsynced)
	committer.tried(workArchives, err)
	committer.checkpoints.written += written
	return err == nil && archives.RemovalsWait()
}

// answersAreOld reports whether forgotten answers are to be deleted.
func (committer *committer) answersAreOld() bool { return committer.tables.Answers().AreOld() }

// clearRetries deletes a slice of the answers that are forgotten.
func (committer *committer) clearRetries() (more bool) {
	answers := committer.tables.Answers()
	through := answers.NextSlice()
	err := committer.unsynced(func(transaction *sqlite.Transaction) { answers.Remove(transaction, through) })
	committer.tried(workRetries, err)
	if err != nil {
		answers.Keep()
		return false
	}
	answers.Removed(through)
	return answers.AreOld()
}
