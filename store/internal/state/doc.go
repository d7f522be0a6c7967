// SPDX-License-Identifier: EUPL-1.2

// Package state owns the entries, groups and namespaces of a store, and the deletions of groups:
// their tables, the pending changes that the tables do not hold yet, and the entries in memory.
// Nothing else reads or writes these tables, except for an upgrade in package schema. The package
// asks no clock and begins no transaction by itself.
//
// A View reads, and a Materialiser brings the tables up to the log. Both belong to the owner of the
// committer, with all that they return and take. The writing methods of a Materialiser run in a
// transaction of the caller. Hot is for all goroutines, but only a View changes it.
//
// A commit is a Slice. When it is on disk, View.Committed makes it visible. An EntryVersion in a
// Slice is shared and must not be changed.
package state
