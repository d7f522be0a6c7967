// SPDX-License-Identifier: EUPL-1.2

package store

// chore is work of the committer beside reads and writes. It is done in slices, one between
// two batches, so that it holds up nobody.
type chore struct {
	// due reports whether a slice would do something now. It looks at memory only: it is
	// asked after every batch.
	due func() bool
	// slice does a share of the work, and reports whether there is more.
	slice func() (more bool)
}

// The bounds of a slice that removes rows.
const (
	rowsPerRemoval  = 512
	bytesPerRemoval = 4 << 20
)

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
		choreArchives:   {committer.removalsWait, committer.removeArchived},
		choreTrimming:   {committer.trimIsDue, committer.trim},
		choreAnswers:    {committer.answersAreOld, committer.clearRetries},
		choreSections:   {committer.log.SectionsAreMany, committer.removeSections},
		choreMarks:      {committer.marksAreLeft, committer.removeMarks},
		choreCheckpoint: {committer.checkpointIsDue, committer.checkpoint},
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
