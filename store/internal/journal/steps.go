// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// step is a change of the journal beside new entries. It has values alone, so a record gives the same
// change anywhere.
type step interface {
	kind() stepKind
	// waits tells how a commit of the step waits for the disk.
	waits() batch.Waiting
	// sums are the figures that the step adds to the counts.
	sums() sums
	// through are the positions of the namespaces of which the step settles entries.
	through() positions
	// amend brings the state of a refused entry to the time after the step.
	amend(refused *refusal)
	// save writes the step in the transaction of its commit.
	save(transaction *sqlite.Transaction, table *Table)
	// saved brings memory to the step, and returns about how many bytes it has added.
	saved(table *Table) (bytes int)
	appendTo(section []byte) []byte
	read(section *changelog.Reader)
}

// stepKind is the number of a kind of step in a record. A number is never used for something
// else.
type stepKind byte

const (
	kindRequeuing stepKind = iota + 1
	_                      // a settlement with one position for all namespaces
	kindArchiveBegun
	kindArchivesForgotten
	_ // a finished archive with one position for all namespaces
	kindSettlement
	kindArchiveFinished
)

func readStep(section *changelog.Reader) step {
	var step step
	switch stepKind(section.Byte()) {
	case kindRequeuing:
		step = &requeuing{}
	case kindSettlement:
		step = &settlement{}
	case kindArchiveBegun:
		step = &archiveBegun{}
	case kindArchivesForgotten:
		step = &archivesForgotten{}
	case kindArchiveFinished:
		step = &archiveFinished{}
	default:
		section.Fail()
		return &requeuing{}
	}
	step.read(section)
	return step
}

// ordinaryStep is a step that settles nothing, has no refused entries, and leaves memory as it
// is.
type ordinaryStep struct{}

func (ordinaryStep) waits() batch.Waiting     { return batch.WaitsAsUsual }
func (ordinaryStep) sums() sums               { return nil }
func (ordinaryStep) through() positions       { return nil }
func (ordinaryStep) amend(*refusal)           {}
func (ordinaryStep) saved(*Table) (bytes int) { return 0 }
