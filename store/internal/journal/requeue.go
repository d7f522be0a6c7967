// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"encoding/binary"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// RequeueCommand makes refused entries of a namespace pending again: the entries of EntryIDs, or
// all refused entries if EntryIDs is nil. Entries that were not refused are left alone.
type RequeueCommand struct {
	Namespace string
	EntryIDs  []int64
}

// Apply implements Command.
func (command RequeueCommand) Apply(batch *batch.Batch, _ batch.Origin) (outcome commands.Outcome, err error) {
	if command.EntryIDs == nil {
		rejected := countsIn(batch, command.Namespace).Rejected
		requeue(batch, requeuing{namespace: command.Namespace, count: rejected})
		return commands.Outcome{Requeued: rejected}, nil
	}
	found := make(map[int64]bool, len(command.EntryIDs))
	for _, entryID := range command.EntryIDs {
		refused, err := refusalIn(batch, entryID, command.Namespace)
		if err != nil {
			return commands.Outcome{}, err
		}
		if refused.committedAt != 0 && !refused.requeued {
			found[entryID] = true
		}
	}
	for entryID := range found {
		requeue(batch, requeuing{namespace: command.Namespace, entryID: entryID, count: 1})
	}
	return commands.Outcome{Requeued: int64(len(found))}, nil
}

// Groups implements Command.
func (command RequeueCommand) Groups() []string { return nil }

// Grows reports true, see commands.Grows.
func (RequeueCommand) Grows() bool { return true }

func requeue(batch *batch.Batch, requeued requeuing) {
	if requeued.count > 0 {
		slot.In(batch).add(&requeued)
	}
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

func (requeued *requeuing) sums() sums {
	return sums{requeued.namespace: {JournalCounts: JournalCounts{Pending: requeued.count, Rejected: -requeued.count}}}
}

func (requeued *requeuing) amend(refused *refusal) {
	if requeued.entryID == refused.entryID || requeued.entryID == 0 && requeued.namespace == refused.namespace {
		refused.requeued = true
	}
}

func (requeued *requeuing) save(transaction *sqlite.Transaction, table *Table) {
	if requeued.entryID == 0 {
		transaction.Execute(table.requeueAll, requeued.namespace)
	} else {
		transaction.Execute(table.requeueOne, requeued.entryID)
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
