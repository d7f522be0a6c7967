// SPDX-License-Identifier: EUPL-1.2

package journal

import "time"

// Entry is a point that is to be delivered. Measurement, tags and Time identify it at
// the endpoint: sent again it replaces itself.
type Entry struct {
	ID int64
	// Namespace becomes the tag "namespace"; empty is none.
	Namespace   string
	Measurement string
	// Fields are float64, int64, uint64, bool and string.
	Fields map[string]any
	// Tags with an empty value are left out.
	Tags map[string]string
	Time time.Time
}

// Rejection is an entry that the endpoint does not take.
type Rejection struct {
	Entry
	At time.Time
	// Status is that of HTTP, 0 for an entry that cannot be sent at all.
	Status int
	Reason string
}

// Queue keeps the entries. Its methods are called by one goroutine.
type Queue interface {
	// Pending returns the entries to be delivered next, in order: at most limit, and no
	// more than take about bytes but for one. more tells that a bound was met.
	Pending(limit, bytes int) (entries []Entry, more bool, err error)
	// Settle takes note of what became of the first entries that Pending has returned,
	// all those of both lists.
	Settle(delivered []Entry, rejected []Rejection) error
	// Waiting is how many entries are pending.
	Waiting() int
	// News has a token when there may be something to deliver.
	News() <-chan struct{}
}
