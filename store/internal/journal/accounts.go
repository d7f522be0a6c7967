// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"container/list"
	"maps"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/sqlite"
)

// account is where the journal of one namespace stands.
type account struct {
	JournalCounts
	namespace string
	// bytes are the bytes of the entries that are in no archive.
	bytes int64
	// position is the time up to which each entry of the namespace is settled.
	position int64
	// oldest is the time of the oldest pending entry, if there is one.
	oldest int64
	// served tells of a changed account that its turn is over.
	served bool
	// turn is the place among the namespaces that wait for delivery, nil if nothing is pending.
	turn *list.Element
}

// unsettled is the position of a namespace without a settled entry.
const unsettled = -1

// accounts are the namespaces that have used the journal.
type accounts struct {
	byName map[string]*account
	total  JournalCounts
	// waiting has the namespaces with pending entries. The one that was served last is at its
	// end.
	waiting list.List
	// first is a waiting namespace with the oldest pending entry, nil if none waits, or if it is
	// not known.
	first *account

	upsert        *sqlite.Statement
	selectAll     *sqlite.Statement
	firstRequeued *sqlite.Statement
	firstPending  *sqlite.Statement
}

func newAccounts(session *sqlite.Session) *accounts {
	return &accounts{
		byName: map[string]*account{},
		upsert: session.Prepare(`INSERT INTO journal_counts (namespace, pending, delivered, rejected, position, bytes) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET pending = excluded.pending, delivered = excluded.delivered, rejected = excluded.rejected,
				position = excluded.position, bytes = excluded.bytes`),
		selectAll: session.Prepare(`SELECT namespace, pending, delivered, rejected, position, bytes FROM journal_counts ORDER BY namespace`),
		// Requeued entries lie behind the position, because they are older than the rest.
		firstRequeued: session.Prepare(`SELECT committed_at FROM journal_refusals WHERE namespace = ? AND requeued = 1 ORDER BY committed_at LIMIT 1`),
		firstPending: session.Prepare(`SELECT committed_at FROM journal_entries INDEXED BY journal_entries_by_namespace
			WHERE namespace = ? AND committed_at > ? AND archived_at IS NULL ORDER BY committed_at LIMIT 1`),
	}
}

// of returns the account of a namespace, which must not be changed.
func (accounts *accounts) of(namespace string) account {
	if kept := accounts.byName[namespace]; kept != nil {
		return *kept
	}
	return account{namespace: namespace, position: unsettled}
}

// load reads all accounts.
func (accounts *accounts) load() error {
	var found []account
	err := accounts.selectAll.Query(func(row sqlite.Row) bool {
		found = append(found, account{
			namespace: row.Text(0), JournalCounts: JournalCounts{Pending: row.Signed(1), Delivered: row.Signed(2), Rejected: row.Signed(3)}, position: row.Signed(4), bytes: row.Signed(5),
		})
		return true
	})
	if err != nil {
		return err
	}
	for index := range found {
		if err := accounts.findOldest(&found[index]); err != nil {
			return err
		}
		accounts.keep(&found[index])
	}
	accounts.findFirst()
	return nil
}

// findOldest finds the oldest pending entry of an account.
func (accounts *accounts) findOldest(account *account) (err error) {
	if account.Pending == 0 {
		return nil
	}
	oldest, found, err := accounts.firstRequeued.Integer(account.namespace)
	if err == nil && !found {
		oldest, _, err = accounts.firstPending.Integer(account.namespace, account.position)
	}
	account.oldest = oldest
	return err
}

// save writes accounts in the transaction of their commit.
func (accounts *accounts) save(transaction *sqlite.Transaction, changed []account) {
	for index := range changed {
		account := &changed[index]
		transaction.Execute(accounts.upsert, account.namespace, account.Pending, account.Delivered, account.Rejected, account.position, account.bytes)
	}
}

// keep brings memory to a changed account. Call findFirst afterwards.
func (accounts *accounts) keep(changed *account) {
	kept := accounts.byName[changed.namespace]
	if kept == nil {
		kept = &account{namespace: changed.namespace}
		accounts.byName[changed.namespace] = kept
	}
	accounts.total.add(JournalCounts{Pending: -kept.Pending, Delivered: -kept.Delivered, Rejected: -kept.Rejected})
	accounts.total.add(changed.JournalCounts)
	kept.JournalCounts, kept.bytes, kept.position, kept.oldest = changed.JournalCounts, changed.bytes, changed.position, changed.oldest
	switch {
	case kept.Pending == 0 && kept.turn != nil:
		accounts.waiting.Remove(kept.turn)
		kept.turn = nil
	case kept.Pending > 0 && kept.turn == nil:
		kept.turn = accounts.waiting.PushBack(kept)
	case kept.turn != nil && changed.served:
		accounts.waiting.MoveToBack(kept.turn)
	}
	switch {
	case accounts.first == kept:
		accounts.first = nil
	case accounts.first != nil && kept.turn != nil && kept.oldest < accounts.first.oldest:
		accounts.first = kept
	}
}

// findFirst finds the namespace with the oldest pending entry, unless it is known.
func (accounts *accounts) findFirst() {
	if accounts.first != nil {
		return
	}
	for account := range accounts.inTurn() {
		if accounts.first == nil || account.oldest < accounts.first.oldest {
			accounts.first = account
		}
	}
}

// inTurn gives the namespaces that wait, in the order of their turns.
func (accounts *accounts) inTurn() func(yield func(*account) bool) {
	return func(yield func(*account) bool) {
		for element := accounts.waiting.Front(); element != nil; element = element.Next() {
			if account, _ := element.Value.(*account); !yield(account) {
				return
			}
		}
	}
}

// totals is the state of the whole journal.
func (accounts *accounts) totals() *Status {
	totals := &Status{JournalCounts: accounts.total}
	if accounts.first != nil {
		totals.OldestPendingAt = time.Unix(0, accounts.first.oldest).UTC()
	}
	return totals
}

// positions are the positions of the namespaces with pending entries.
func (accounts *accounts) positions() map[string]int64 {
	positions := map[string]int64{}
	for account := range accounts.inTurn() {
		positions[account.namespace] = account.position
	}
	return positions
}

// sortedNames returns the names of a map in order.
func sortedNames[Value any](named map[string]Value) []string {
	return slices.Sorted(maps.Keys(named))
}
