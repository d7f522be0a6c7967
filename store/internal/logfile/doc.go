// SPDX-License-Identifier: EUPL-1.2

// Package logfile keeps the newest records of a log in a file beside the database. A record costs one
// write and one sync there, without tables and without pages. The database takes the records later,
// many at once, and then the file begins again.
//
// A File belongs to one goroutine at a time, which is the owner of the committer. A goroutine of the
// File writes.
package logfile
