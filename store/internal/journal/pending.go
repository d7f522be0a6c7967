// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"cmp"
	"slices"

	"dappco.re/go/storebus/store/internal/sqlite"
)

// The bounds of one turn of the committer that reads entries for the delivery.
const (
	rowsPerRead    = 1000
	queriesPerRead = 200
)

// namespacesPerBatch is the most namespaces whose entries are delivered together, because the
// settlement of each is a row.
const namespacesPerBatch = 512

// Pending are the next entries to deliver. Namespaces take turns, and each has a fair share. The
// entries of a namespace are in the order of their times, and the requeued ones come first.
type Pending struct {
	limit, bytes int
	// wants tells which namespaces take part; nil is all.
	wants  func(namespace string) bool
	queues []*pendingQueue
	// chosen tells that queues are known, and others that there may be more of them.
	chosen, others bool
	rows           []Row
	full           bool

	// round are the queues that have not had their turn in this round, and share and byteShare
	// are what each of them may take.
	round            []*pendingQueue
	share, byteShare int
}

// pendingQueue is the pending part of one namespace.
type pendingQueue struct {
	namespace string
	// unsettled tells that the requeued entries are read, and after is the time behind which to
	// go on.
	unsettled bool
	after     int64
	ended     bool
}

// NewPending returns room for at most limit entries. They take about bytes at most, as stored, but
// one entry may be larger. They are of the namespaces that wants names, of all if it is nil.
func NewPending(limit, bytes int, wants func(namespace string) bool) *Pending {
	return &Pending{limit: limit, bytes: bytes, wants: wants}
}

// Read reads a part of the entries, and reports whether there is more to read.
func (pending *Pending) Read(table *Table) (more bool, err error) {
	if !pending.chosen {
		pending.choose(table.accounts)
	}
	begun := len(pending.rows)
	for queries := 0; !pending.full && queries < queriesPerRead && len(pending.rows)-begun < rowsPerRead; queries++ {
		if len(pending.round) == 0 && !pending.beginRound() {
			return false, nil
		}
		queue := pending.round[0]
		taken, err := pending.take(table, queue)
		if err != nil {
			return false, err
		}
		if taken || queue.ended {
			pending.round = pending.round[1:]
		}
	}
	return !pending.full, nil
}

// choose chooses the namespaces that take part.
func (pending *Pending) choose(accounts *accounts) {
	pending.chosen = true
	for account := range accounts.inTurn() {
		if pending.wants != nil && !pending.wants(account.namespace) {
			continue
		}
		pending.queues = append(pending.queues, &pendingQueue{namespace: account.namespace, after: unsettled})
		if pending.others = len(pending.queues) == min(namespacesPerBatch, pending.limit); pending.others {
			break
		}
	}
}

// beginRound gives each namespace with more entries a share of the rest. It returns false if there
// is none.
func (pending *Pending) beginRound() bool {
	pending.queues = slices.DeleteFunc(pending.queues, func(queue *pendingQueue) bool { return queue.ended })
	if len(pending.queues) == 0 {
		return false
	}
	pending.round = pending.queues
	pending.share = max((pending.limit-len(pending.rows))/len(pending.queues), 1)
	pending.byteShare = pending.bytes / len(pending.queues)
	return true
}

// take reads entries of a namespace, as many as its share and one turn of the committer allow. It
// reports whether there were any.
func (pending *Pending) take(table *Table, queue *pendingQueue) (taken bool, err error) {
	rows := table.selectRequeued
	if queue.unsettled {
		rows = table.selectNext
	}
	limit := min(pending.share, pending.limit-len(pending.rows), rowsPerRead)
	found, bytes := 0, pending.byteShare
	err = rows.Query(func(columns sqlite.Row) bool {
		row := rowOf(columns)
		found++
		if pending.bytes < row.Bytes() && len(pending.rows) > 0 {
			pending.full = true
			return false
		}
		pending.bytes -= row.Bytes()
		bytes -= row.Bytes()
		pending.rows, queue.after = append(pending.rows, row), row.committedAt
		pending.full = len(pending.rows) == pending.limit
		return !pending.full && bytes > 0
	}, queue.namespace, queue.after, int64(limit))
	switch {
	case found > 0:
	case queue.unsettled:
		queue.ended = true
	default:
		queue.unsettled, queue.after = true, table.accounts.of(queue.namespace).position
	}
	return found > 0, err
}

// Full tells that a bound was met.
func (pending *Pending) Full() bool { return pending.full || pending.others }

// Entries returns the entries that were read, in the order of their times.
func (pending *Pending) Entries() []JournalEntry {
	slices.SortFunc(pending.rows, func(a, b Row) int { return cmp.Compare(a.committedAt, b.committedAt) })
	entries := make([]JournalEntry, len(pending.rows))
	for index := range pending.rows {
		entries[index] = pending.rows[index].Entry()
	}
	return entries
}
