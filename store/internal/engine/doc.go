// SPDX-License-Identifier: EUPL-1.2

// Package engine has the committer, the one party that uses the connection to the database. The
// committer takes all waiting writes into one batch, commits once, and tells all callers. Between
// two batches it answers questions, expires due keys, and does chores in slices.
//
// An Engine may be touched by every goroutine. A Committer belongs to its owner: to the goroutine
// of the engine for a turn, or to a caller that came while nothing waited. Only the Engine gives
// it, and takes it back when a question is answered.
//
// A commit has three steps (commit.go): seal, append, install. The package knows the tables of a
// batch only as a list. The rest of the store hands in how to make them, and chores of its own.
package engine
