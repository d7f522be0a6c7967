// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
)

// Errors of opening a database.
var (
	// ErrDatabaseInUse is returned by NewConfigured when another process, or
	// another Store of this one, owns the database file.
	ErrDatabaseInUse = errors.New("database is in use")
	// ErrDatabaseFromFuture is returned by NewConfigured for a database whose
	// schema is newer than this program knows.
	ErrDatabaseFromFuture = errors.New("database was written by a newer version")
	// ErrNotAStore is returned by NewConfigured for a SQLite file that holds
	// something else, or for a file that is no SQLite database.
	ErrNotAStore = errors.New("file is not a storebus database")
)

// Errors of single operations: nothing was changed.
var (
	// ErrNotFound is returned where a key is not there, or its time has come.
	ErrNotFound = errors.New("not found")
	// ErrInvalidName is returned for a namespace, group or key outside the limits.
	ErrInvalidName = errors.New("invalid name")
	// ErrInvalidTTL is returned for a time to live outside 1 ms to 100 years.
	ErrInvalidTTL = errors.New("invalid time to live")
	// ErrRevisionConflict is wrapped by RevisionConflictError.
	ErrRevisionConflict = errors.New("revision conflict")
	// ErrCompacted is wrapped by CompactedError.
	ErrCompacted = errors.New("compacted")
	// ErrTooLarge is wrapped by TooLargeError and TooManyGroupsError, and returned by
	// GetMany where ManyQuery.Fits refuses an entry.
	ErrTooLarge = errors.New("too large")
)

// Errors of the store as a whole.
var (
	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("store is closed")
	// ErrUnavailable is returned for a write that cannot be taken now: disk full,
	// a backlog at its bound, or a store that has stopped writing. Nothing was changed.
	ErrUnavailable = errors.New("unavailable")
	// ErrOutcomeUnknown is returned when a commit or its fsync failed: the write
	// may have happened. The store takes no further write until it is opened again.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// RevisionConflictError says at which revision the entry really stands. It wraps
// ErrRevisionConflict.
type RevisionConflictError struct {
	Group    string
	Key      string
	Expected uint64
	// Current is the entry's revision, 0 where the key is not there.
	Current uint64
}

// Error names the entry, the revision it stands at and the one expected.
func (conflict *RevisionConflictError) Error() string {
	return fmt.Sprintf("group %q key %q stands at revision %d, not %d", conflict.Group, conflict.Key, conflict.Current, conflict.Expected)
}

// Unwrap returns ErrRevisionConflict.
func (conflict *RevisionConflictError) Unwrap() error { return ErrRevisionConflict }

// CompactedError says which part of the log can still be read. It wraps ErrCompacted.
type CompactedError struct {
	Namespace string
	After     uint64
	// Oldest is the lowest revision that can be read, Revision + 1 where there is none.
	Oldest uint64
	// Revision is the namespace's current revision.
	Revision uint64
}

// Error names the revision asked for and the range that can be read.
func (compacted *CompactedError) Error() string {
	return fmt.Sprintf("changes of namespace %q after revision %d cannot be read: the log holds %d to %d",
		compacted.Namespace, compacted.After, compacted.Oldest, compacted.Revision)
}

// Unwrap returns ErrCompacted.
func (compacted *CompactedError) Unwrap() error { return ErrCompacted }

// TooLargeError says by how much an entry passed Limits.EntryBytes. It wraps ErrTooLarge.
type TooLargeError struct {
	Size  int
	Limit int
}

// Error names the size and the limit in bytes.
func (tooLarge *TooLargeError) Error() string {
	return fmt.Sprintf("entry takes %d bytes as it travels, %d are allowed", tooLarge.Size, tooLarge.Limit)
}

// Unwrap returns ErrTooLarge.
func (tooLarge *TooLargeError) Unwrap() error { return ErrTooLarge }

// TooManyGroupsError says that a prefix covers more groups than are deleted at once.
// It wraps ErrTooLarge.
type TooManyGroupsError struct {
	Prefix string
	Limit  int
}

// Error names the prefix, and what to do.
func (tooMany *TooManyGroupsError) Error() string {
	return fmt.Sprintf("more than %d groups begin with %q: delete them by longer prefixes", tooMany.Limit, tooMany.Prefix)
}

// Unwrap returns ErrTooLarge.
func (tooMany *TooManyGroupsError) Unwrap() error { return ErrTooLarge }
