// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"cmp"
	"fmt"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/paging"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// refusal is the state of an entry that was refused. Its time is 0 if there is no such entry.
type refusal struct {
	entryID     int64
	namespace   string
	committedAt int64
	// requeued tells that the entry is to be sent again.
	requeued bool
}

// refusal returns the state of an entry of a namespace that was refused.
func (table *Table) refusal(entryID int64, namespace string) (refusal, error) {
	found := refusal{entryID: entryID, namespace: namespace}
	err := table.selectRefusal.Query(func(row sqlite.Row) bool {
		found.committedAt, found.requeued = row.Signed(0), row.Signed(1) == 1
		return false
	}, entryID, namespace)
	return found, err
}

// refusalIn returns the state of an entry that was refused, as the batch leaves it.
func refusalIn(batch *batch.Batch, entryID int64, namespace string) (refused refusal, err error) {
	if below := batch.Below(); below != nil {
		refused, err = refusalIn(below, entryID, namespace)
	} else {
		refused, err = Of(batch.Tables()).refusal(entryID, namespace)
	}
	for _, step := range slot.Of(batch).steps {
		step.amend(&refused)
	}
	return refused, err
}

// RejectedQuery asks for the entries of a namespace that the endpoint has refused and nobody has
// requeued, in the order of their times.
type RejectedQuery struct {
	Namespace string
	// After is the CommittedAt of the last entry before the page; the zero time is the
	// beginning.
	After time.Time
	// Limit is the largest number of entries; 0 is store.DefaultPageLimit.
	Limit int
	// Fits is as in store.ChangesQuery.
	Fits func(*Rejection) bool
}

// RejectedPage is one page of refused entries.
type RejectedPage struct {
	Entries []Rejection
	// Next is the After of the next page; the zero time on the last page.
	Next time.Time
}

// Rejected answers a query.
func (table *Table) Rejected(query RejectedQuery) (page RejectedPage, err error) {
	if err := paging.CheckLimit(query.Limit); err != nil {
		return page, err
	}
	after := int64(-1)
	if !query.After.IsZero() {
		after = query.After.UnixNano()
	}
	filling := paging.New(query.Limit, query.Fits)
	err = table.selectRefused.Query(func(columns sqlite.Row) bool {
		row := rowOf(columns)
		return filling.Take(Rejection{
			JournalEntry: row.Entry(), RejectedAt: time.Unix(0, columns.Signed(6)).UTC(), Status: int(columns.Signed(7)), Reason: columns.Text(8),
		})
	}, query.Namespace, after, int64(cmp.Or(query.Limit, paging.DefaultLimit))+1)
	page.Entries = filling.Elements
	if filling.Full && len(page.Entries) == 0 {
		return page, fmt.Errorf("%w: the next entry does not fit a page", failure.ErrTooLarge)
	}
	if filling.Full {
		page.Next = page.Entries[len(page.Entries)-1].CommittedAt
	}
	return page, err
}
