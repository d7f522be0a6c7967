// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"sync/atomic"
	"time"
)

// JournalCounts counts the entries of the journal by their state. Status embeds it, so it has the
// name of the contract.
type JournalCounts struct {
	// Pending entries wait for delivery. The endpoint has taken Delivered entries and refused
	// Rejected entries.
	Pending   int64
	Delivered int64
	Rejected  int64
}

func (counts *JournalCounts) add(more JournalCounts) {
	counts.Pending += more.Pending
	counts.Delivered += more.Delivered
	counts.Rejected += more.Rejected
}

// Status is the state of the journal, or of its part of one namespace.
type Status struct {
	JournalCounts
	// OldestPendingAt is the time of the oldest pending entry; the zero time if none is
	// pending.
	OldestPendingAt time.Time
}

// News has the facts about the journal that every goroutine may ask for.
type News struct {
	// Archiving counts the entries that a compaction under way has written.
	Archiving atomic.Int64
	// Failpoint, if not nil, is called after each step of a compaction.
	Failpoint func(step string)

	ready  chan struct{}
	totals atomic.Pointer[Status]
}

// NewNews returns the news of a journal that is not loaded.
func NewNews() *News {
	return &News{ready: make(chan struct{}, 1)}
}

// Ready gets a token when there is something to deliver.
func (news *News) Ready() <-chan struct{} { return news.ready }

// Totals is the state of the whole journal.
func (news *News) Totals() Status { return *news.totals.Load() }

// Reach tells the failpoint how far a compaction has come.
func (news *News) Reach(step string) {
	if news.Failpoint != nil {
		news.Failpoint(step)
	}
}
