// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// journalStep is a change of the journal beside new entries. It is told by values alone, so
// that a record gives the same change anywhere.
type journalStep interface {
	kind() stepKind
	// waits tells how a commit of the step waits for the disk.
	waits() batch.Waiting
	// sums are the figures that the step adds to the counts.
	sums() journalSums
	// position returns the position of the delivery after the step.
	position(before int64) int64
	// amend brings the state of a refused entry to the time after the step.
	amend(refused *refusal)
	// save writes the step in the transaction of its commit.
	save(transaction *sqlite.Transaction, journal *journal)
	// saved brings memory to the step, and returns about how many bytes it has added.
	saved(journal *journal) (bytes int)
	appendTo(section []byte) []byte
	read(section *changelog.Reader)
}

// stepKind is the number of a kind of step in a record. A number is never used for something
// else.
type stepKind byte

const (
	kindRequeuing stepKind = iota + 1
	kindSettlement
	kindArchiveBegun
	kindArchivesForgotten
	kindArchiveFinished
)

func (changes *journalPart) step(step journalStep) { changes.steps = append(changes.steps, step) }

func readJournalStep(section *changelog.Reader) journalStep {
	var step journalStep
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

// ordinaryStep is a step that moves no position, has no refused entries, and leaves memory as it
// is.
type ordinaryStep struct{}

func (ordinaryStep) waits() batch.Waiting        { return batch.WaitsAsUsual }
func (ordinaryStep) sums() journalSums           { return nil }
func (ordinaryStep) position(before int64) int64 { return before }
func (ordinaryStep) amend(*refusal)              {}
func (ordinaryStep) saved(*journal) (bytes int)  { return 0 }

func (sums journalSums) appendTo(section []byte) []byte {
	section = binary.AppendUvarint(section, uint64(len(sums)))
	for _, namespace := range slices.Sorted(maps.Keys(sums)) {
		counts := sums[namespace]
		section = changelog.AppendText(section, namespace)
		section = binary.AppendVarint(section, counts.Pending)
		section = binary.AppendVarint(section, counts.Delivered)
		section = binary.AppendVarint(section, counts.Rejected)
	}
	return section
}

func readJournalSums(section *changelog.Reader) journalSums {
	sums := journalSums{}
	for left := section.Number(); left > 0 && !section.Failed(); left-- {
		sums[section.Text()] = JournalCounts{Pending: section.Signed(), Delivered: section.Signed(), Rejected: section.Signed()}
	}
	return sums
}

// requeuing makes refused entries of a namespace pending again: one entry, or count entries.
type requeuing struct {
	ordinaryStep
	namespace string
	// entryID is 0 for all entries of the namespace.
	entryID int64
	count   int64
}

func (*requeuing) kind() stepKind { return kindRequeuing }

func (requeued *requeuing) sums() journalSums {
	return journalSums{requeued.namespace: {Pending: requeued.count, Rejected: -requeued.count}}
}

func (requeued *requeuing) amend(refused *refusal) {
	if requeued.entryID == refused.entryID || requeued.entryID == 0 && requeued.namespace == refused.namespace {
		refused.requeued = true
	}
}

func (requeued *requeuing) save(transaction *sqlite.Transaction, journal *journal) {
	if requeued.entryID == 0 {
		transaction.Execute(journal.requeueAll, requeued.namespace)
	} else {
		transaction.Execute(journal.requeueOne, requeued.entryID)
	}
}

func (requeued *requeuing) appendTo(section []byte) []byte {
	section = changelog.AppendText(section, requeued.namespace)
	section = binary.AppendVarint(section, requeued.entryID)
	return binary.AppendVarint(section, requeued.count)
}

func (requeued *requeuing) read(section *changelog.Reader) {
	requeued.namespace, requeued.entryID, requeued.count = section.Text(), section.Signed(), section.Signed()
}

// settleCommand records the outcome of entries that were sent.
type settleCommand struct {
	delivered []JournalEntry
	rejected  []JournalRejection
}

func (settleCommand) Groups() []string { return nil }

func (command settleCommand) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	settled := &settlement{through: positionIn(batch), added: journalSums{}}
	before, advanced := settled.through, int64(0)
	again := map[int64]bool{} // the requeued entries that are settled
	// settle moves the position to an entry, unless the entry was requeued.
	settle := func(entry *JournalEntry, counts JournalCounts) (requeued bool, err error) {
		counts.Pending--
		settled.added.add(entry.Namespace, counts)
		committedAt := entry.CommittedAt.UnixNano()
		if committedAt > before {
			settled.through = max(settled.through, committedAt)
			advanced++
			return false, nil
		}
		refused, err := refusalIn(batch, entry.EntryID, entry.Namespace)
		if err == nil && (!refused.requeued || refused.committedAt != committedAt || again[committedAt]) {
			err = fmt.Errorf("%w: entry %d", failure.ErrNotPending, entry.EntryID)
		}
		again[committedAt] = true
		return true, err
	}
	for index := range command.delivered {
		entry := &command.delivered[index]
		requeued, err := settle(entry, JournalCounts{Delivered: 1})
		if err != nil {
			return Outcome{}, err
		}
		if requeued {
			settled.delivered = append(settled.delivered, entry.CommittedAt.UnixNano())
		}
	}
	for index := range command.rejected {
		rejection := &command.rejected[index]
		if _, err := settle(&rejection.JournalEntry, JournalCounts{Rejected: 1}); err != nil {
			return Outcome{}, err
		}
		settled.refused = append(settled.refused, refusedEntry{
			committedAt: rejection.CommittedAt.UnixNano(), entryID: rejection.EntryID, namespace: rejection.Namespace,
			refusedAt: rejection.RejectedAt.UnixNano(), status: int64(rejection.Status), reason: rejection.Reason,
		})
	}
	passed, _, err := journalIn.Table(batch.Tables()).countBetween.Integer(before, settled.through)
	if err == nil && passed != advanced {
		err = fmt.Errorf("%w: %d entries would be passed over", failure.ErrNotPending, passed-advanced)
	}
	if err != nil {
		return Outcome{}, err
	}
	journalIn.In(batch).step(settled)
	return Outcome{}, nil
}

// settlement is the outcome of entries that were sent: everything up to a time is settled.
type settlement struct {
	ordinaryStep
	through int64
	// delivered are the times of requeued entries that the endpoint has taken, and refused are
	// entries that it has refused.
	delivered []int64
	refused   []refusedEntry
	added     journalSums
}

// refusedEntry is an entry that the endpoint has refused, as it is kept.
type refusedEntry struct {
	committedAt, entryID int64
	namespace            string
	refusedAt, status    int64
	reason               string
}

func (*settlement) kind() stepKind { return kindSettlement }

// waits is short: after a crash the entries are pending again.
func (*settlement) waits() batch.Waiting { return batch.WaitsNot }

func (settled *settlement) sums() journalSums { return settled.added }

func (settled *settlement) position(int64) int64 { return settled.through }

func (settled *settlement) amend(refused *refusal) {
	for _, delivered := range settled.delivered {
		if delivered == refused.committedAt {
			*refused = refusal{entryID: refused.entryID, namespace: refused.namespace}
		}
	}
	for index := range settled.refused {
		if entry := &settled.refused[index]; entry.entryID == refused.entryID && entry.namespace == refused.namespace {
			refused.committedAt, refused.requeued = entry.committedAt, false
		}
	}
}

func (settled *settlement) save(transaction *sqlite.Transaction, journal *journal) {
	for _, delivered := range settled.delivered {
		transaction.Execute(journal.deleteRefusal, delivered)
	}
	for index := range settled.refused {
		entry := &settled.refused[index]
		transaction.Execute(journal.insertRefusal, entry.committedAt, entry.entryID, entry.namespace, entry.refusedAt, entry.status, entry.reason)
	}
}

func (settled *settlement) appendTo(section []byte) []byte {
	section = binary.AppendVarint(section, settled.through)
	section = binary.AppendUvarint(section, uint64(len(settled.delivered)))
	for _, delivered := range settled.delivered {
		section = binary.AppendVarint(section, delivered)
	}
	section = binary.AppendUvarint(section, uint64(len(settled.refused)))
	for index := range settled.refused {
		entry := &settled.refused[index]
		section = binary.AppendVarint(section, entry.committedAt)
		section = binary.AppendVarint(section, entry.entryID)
		section = changelog.AppendText(section, entry.namespace)
		section = binary.AppendVarint(section, entry.refusedAt)
		section = binary.AppendVarint(section, entry.status)
		section = changelog.AppendText(section, entry.reason)
	}
	return settled.added.appendTo(section)
}

func (settled *settlement) read(section *changelog.Reader) {
	settled.through = section.Signed()
	for left := section.Number(); left > 0 && !section.Failed(); left-- {
		settled.delivered = append(settled.delivered, section.Signed())
	}
	for left := section.Number(); left > 0 && !section.Failed(); left-- {
		settled.refused = append(settled.refused, refusedEntry{
			committedAt: section.Signed(), entryID: section.Signed(), namespace: section.Text(),
			refusedAt: section.Signed(), status: section.Signed(), reason: section.Text(),
		})
	}
	settled.added = readJournalSums(section)
}
