// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"encoding/binary"
	"fmt"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Rejection is an entry that the endpoint has refused.
type Rejection struct {
	JournalEntry
	RejectedAt time.Time
	// Status is the status of HTTP, 0 for an entry that was never sent.
	Status int
	Reason string
}

// SettleCommand records the outcome of entries that were sent. It fails with ErrNotPending if an
// entry is not pending, or an entry of its namespace before it is left out.
type SettleCommand struct {
	Delivered []JournalEntry
	Rejected  []Rejection
}

// Groups implements Command.
func (SettleCommand) Groups() []string { return nil }

// Apply implements Command.
func (command SettleCommand) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	settled := &settlement{positions: positions{}, added: sums{}}
	before, advanced := positions{}, map[string]int64{}
	again := map[int64]bool{} // the requeued entries that are settled
	// settle moves the position of the namespace to an entry, unless the entry was requeued.
	settle := func(entry *JournalEntry, counts JournalCounts) (requeued bool, err error) {
		counts.Pending--
		settled.added.add(entry.Namespace, figures{JournalCounts: counts})
		committedAt := entry.CommittedAt.UnixNano()
		if _, begun := before[entry.Namespace]; !begun {
			before[entry.Namespace] = positionIn(batch, entry.Namespace)
			settled.positions[entry.Namespace] = before[entry.Namespace]
		}
		if committedAt > before[entry.Namespace] {
			settled.positions[entry.Namespace] = max(settled.positions[entry.Namespace], committedAt)
			advanced[entry.Namespace]++
			return false, nil
		}
		refused, err := refusalIn(batch, entry.EntryID, entry.Namespace)
		if err == nil && (!refused.requeued || refused.committedAt != committedAt || again[committedAt]) {
			err = fmt.Errorf("%w: entry %d", failure.ErrNotPending, entry.EntryID)
		}
		again[committedAt] = true
		return true, err
	}
	for index := range command.Delivered {
		entry := &command.Delivered[index]
		requeued, err := settle(entry, JournalCounts{Delivered: 1})
		if err != nil {
			return commands.Outcome{}, err
		}
		if requeued {
			settled.delivered = append(settled.delivered, entry.CommittedAt.UnixNano())
		}
	}
	for index := range command.Rejected {
		rejection := &command.Rejected[index]
		if _, err := settle(&rejection.JournalEntry, JournalCounts{Rejected: 1}); err != nil {
			return commands.Outcome{}, err
		}
		settled.refused = append(settled.refused, refusedEntry{
			committedAt: rejection.CommittedAt.UnixNano(), entryID: rejection.EntryID, namespace: rejection.Namespace,
			refusedAt: rejection.RejectedAt.UnixNano(), status: int64(rejection.Status), reason: rejection.Reason,
		})
	}
	for namespace, entries := range advanced {
		passed, _, err := Of(batch.Tables()).countBetween.Integer(namespace, before[namespace], settled.positions[namespace])
		if err == nil && passed != entries {
			err = fmt.Errorf("%w: %d entries would be passed over", failure.ErrNotPending, passed-entries)
		}
		if err != nil {
			return commands.Outcome{}, err
		}
	}
	slot.In(batch).add(settled)
	return commands.Outcome{}, nil
}

// settlement is the outcome of entries that were sent: each entry of a namespace up to its position
// is settled.
type settlement struct {
	ordinaryStep
	positions positions
	// delivered are the times of requeued entries that the endpoint has taken, and refused are
	// entries that it has refused.
	delivered []int64
	refused   []refusedEntry
	added     sums
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

func (settled *settlement) sums() sums { return settled.added }

func (settled *settlement) through() positions { return settled.positions }

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

func (settled *settlement) save(transaction *sqlite.Transaction, table *Table) {
	for _, delivered := range settled.delivered {
		transaction.Execute(table.deleteRefusal, delivered)
	}
	for index := range settled.refused {
		entry := &settled.refused[index]
		transaction.Execute(table.insertRefusal, entry.committedAt, entry.entryID, entry.namespace, entry.refusedAt, entry.status, entry.reason)
	}
}

func (settled *settlement) appendTo(section []byte) []byte {
	section = settled.positions.appendTo(section)
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
	settled.positions = readPositions(section)
	for left := section.Number(); left > 0 && !section.Failed(); left-- {
		settled.delivered = append(settled.delivered, section.Signed())
	}
	for left := section.Number(); left > 0 && !section.Failed(); left-- {
		settled.refused = append(settled.refused, refusedEntry{
			committedAt: section.Signed(), entryID: section.Signed(), namespace: section.Text(),
			refusedAt: section.Signed(), status: section.Signed(), reason: section.Text(),
		})
	}
	settled.added = readSums(section)
}
