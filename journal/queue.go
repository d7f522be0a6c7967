// SPDX-License-Identifier: EUPL-1.2

package journal

import "time"

// Entry is a point for the endpoint. Measurement, tags and Time identify it there: a second
// copy replaces the first.
type Entry struct {
	ID int64
	// Namespace becomes the tag "namespace"; empty is no tag.
	Namespace   string
	Measurement string
	// Fields are float64, int64, uint64, bool and string.
	Fields map[string]any
	// Tags with an empty value are left out.
	Tags map[string]string
	Time time.Time
}

// Rejection is an entry that the endpoint has refused.
type Rejection struct {
	Entry
	At time.Time
	// Status is the status of HTTP, 0 for an entry that cannot be sent at all.
	Status int
	Reason string
}

// Queue keeps the entries. One goroutine calls its methods.
type Queue interface {
	// Pending returns the next entries of the namespaces that wants names, and asks it of
	// namespaces with pending entries alone. The entries of a namespace are in order, and
	// namespaces take turns. There are at most limit entries, and they take about bytes at most,
	// but one entry may be larger. more reports that a bound was met.
	Pending(limit, bytes int, wants func(namespace string) bool) (entries []Entry, more bool, err error)
	// Settle records the outcome of the first entries of namespaces that Pending has returned.
	// Both lists together have all of these entries.
	Settle(delivered []Entry, rejected []Rejection) error
	// Waiting returns how many entries are pending.
	Waiting() int
	// News returns a channel that has a token when there may be entries to deliver.
	News() <-chan struct{}
}
