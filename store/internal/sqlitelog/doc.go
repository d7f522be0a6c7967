// SPDX-License-Identifier: EUPL-1.2

// Package sqlitelog is the log of a store in its SQLite database. It owns the tables commits,
// namespace_commits, record_sections and record_start, and the newest commits of a store in memory
// that these tables do not have yet.
//
// A Log keeps records, as package changelog asks for: a record is in the log when the transaction
// that installs the record is committed. It also answers readers of commits and of changes, and
// finds the oldest part that may go. It knows neither batches nor the readers.
//
// All of it belongs to the owner of the committer. Write, WriteDeferred and Remove run in a
// transaction of the caller and change nothing in memory. The caller calls Written,
// DeferredWritten or Removed after the commit.
package sqlitelog
