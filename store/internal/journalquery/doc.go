// SPDX-License-Identifier: EUPL-1.2

// Package journalquery runs queries in Flux over the journal of a store. It reads the range of a
// query in slices, each in a turn of the committer. Filters, sorting and limits work on the decoded
// rows outside the committer, in stages, within a time and a number of bytes.
//
// Any goroutine may use Queries. A run of a query belongs to the goroutine of its caller, and
// reaches the store through the narrow interface Host.
package journalquery
