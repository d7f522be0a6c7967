// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"dappco.re/go/storebus/store/internal/disk"
	"dappco.re/go/storebus/store/internal/upkeep"
)

// chore is work of the committer beside reads and writes.
type chore struct {
	name string
	// due reports whether a slice would do something now.
	due func() bool
	// slice does a share of the work, and reports whether there is more.
	slice func() (more bool)
	// whenIdle is as in Chore.
	whenIdle bool
}

// The chores of the engine.
const (
	choreTables     = "tables"
	choreDeletions  = "deletions"
	choreTrimming   = "trimming"
	choreAnswers    = "answers"
	choreSections   = "sections"
	choreRepairs    = "repairs"
	choreScrubbing  = "scrubbing"
	choreCheckpoint = "checkpoint"
)

// removalsAtClose is how many slices of deleted groups Close waits for. Opening the store goes on
// with the rest.
const removalsAtClose = 1024

// chores are in the order in which they get their turns. They belong to the owner of the
// committer.
type chores struct {
	disk *disk.Disk
	list []chore
}

func newChores(committer *Committer, config upkeep.Config) *chores {
	rows, trimming, answers := committer.rows, committer.trimming, upkeep.NewAnswers(config)
	repairs := upkeep.NewRepairs(committer.disk.Session(), config, rows, committer.engine.config.Logger)
	list := []chore{
		{name: choreTables, due: func() bool { return len(committer.underway) == 0 && rows.AreBehind() }, slice: rows.WriteIdle, whenIdle: true},
		{name: choreDeletions, due: rows.DeletionsWait, slice: rows.CarryOut},
		{name: choreTrimming, due: trimming.IsDue, slice: trimming.Trim},
		{name: choreAnswers, due: answers.AreOld, slice: answers.Remove},
		{name: choreRepairs, due: repairs.AreDue, slice: repairs.Repair},
		{name: choreScrubbing, due: committer.scrubbing.IsDue, slice: committer.scrubbing.Scrub},
		{name: choreSections, due: committer.log.SectionsAreMany, slice: trimming.RemoveSections},
	}
	for _, further := range committer.engine.config.Chores {
		list = append(list, further.of(committer))
	}
	list = append(list, chore{name: choreCheckpoint, due: committer.disk.CheckpointIsDue, slice: func() (more bool) {
		committer.disk.Shorten()
		return false
	}})
	return &chores{disk: committer.disk, list: list}
}

// of returns the chore with its committer.
func (further Chore) of(committer *Committer) chore {
	due := func() bool { return (!further.WhenIdle || committer.isIdle()) && further.Due(committer) }
	return chore{name: further.Name, whenIdle: further.WhenIdle, due: due, slice: func() (more bool) {
		failed := false
		further.Slice(committer, func(err error) {
			failed = err != nil
			committer.disk.Tried(further.Name, err)
			if failed && further.WhenIdle {
				committer.idleness.Pause()
			}
		})
		return !failed && due()
	}}
}

// attend does a slice of a chore if it is due and the store still writes.
func (chores *chores) attend(chore *chore) (more bool) {
	return chore.due() && chores.disk.Writes() && chore.slice()
}

// attendToAll does a slice of each chore.
func (chores *chores) attendToAll() (more bool) {
	for index := range chores.list {
		more = chores.attend(&chores.list[index]) || more
	}
	return more
}

// areDue reports whether a chore is due.
func (chores *chores) areDue() bool {
	for index := range chores.list {
		if chores.list[index].due() {
			return true
		}
	}
	return false
}

// named returns the chore of a name.
func (chores *chores) named(name string) *chore {
	for index := range chores.list {
		if chores.list[index].name == name {
			return &chores.list[index]
		}
	}
	panic("there is no such chore: " + name)
}

// endDeletions carries out deletions before the store closes, if they are not very many.
func (chores *chores) endDeletions() {
	deletions := chores.named(choreDeletions)
	for slice := 0; slice < removalsAtClose && chores.attend(deletions); slice++ {
	}
}

// endIdle brings to an end the chores that wait for an idle store.
func (chores *chores) endIdle() {
	for index := range chores.list {
		for chores.list[index].whenIdle && chores.attend(&chores.list[index]) {
		}
	}
}
