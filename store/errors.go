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
	// ErrNotFound is wrapped by NotFoundError, and returned for a consumer that is not
	// registered and for a workspace or an archive that is not there.
	ErrNotFound = errors.New("not found")
	// ErrInvalidName is returned for a namespace, group or key outside the limits.
	ErrInvalidName = errors.New("invalid name")
	// ErrInvalidTTL is returned for a time to live outside 1 ms to 100 years.
	ErrInvalidTTL = errors.New("invalid time to live")
	// ErrRevisionConflict is wrapped by RevisionConflictError.
	ErrRevisionConflict = errors.New("revision conflict")
	// ErrCompacted is wrapped by CompactedError.
	ErrCompacted = errors.New("compacted")
	// ErrTooLarge is wrapped by TooLargeError, TooManyGroupsError and TooManyKindsError, and returned by
	// GetMany where ManyQuery.Fits refuses an entry.
	ErrTooLarge = errors.New("too large")
	// ErrQuotaExceeded is wrapped by QuotaExceededError.
	ErrQuotaExceeded = errors.New("quota exceeded")
	// ErrInvalidTemplate is wrapped by TemplateError.
	ErrInvalidTemplate = errors.New("invalid template")
	// ErrDeadlineExceeded is returned for a template that has run for MaxRenderTime, for
	// a query of a workspace that has run for MaxQueryTime, and for one of the journal
	// that has run for MaxJournalQueryTime.
	ErrDeadlineExceeded = errors.New("time limit exceeded")
	// ErrInvalidData is returned for an entry of a workspace that is no JSON, or none that
	// SQLite reads.
	ErrInvalidData = errors.New("invalid data")
	// ErrInvalidQuery is returned for a query of a workspace that is no single SELECT
	// over its entries, or uses what is not allowed.
	ErrInvalidQuery = errors.New("invalid query")
	// ErrInvalidFlux is wrapped by FluxError.
	ErrInvalidFlux = errors.New("invalid Flux")
	// ErrNotANumber is returned for an increment of a value that is no int64.
	ErrNotANumber = errors.New("value is not a number")
	// ErrOverflow is returned for an increment whose sum is no int64.
	ErrOverflow = errors.New("number overflows")
	// ErrInvalidTransaction is returned for a TransactionCommand that is none: a guard
	// without a condition, too many operations, or a group of another namespace.
	ErrInvalidTransaction = errors.New("invalid transaction")
	// ErrInvalidJournalEntry is returned for a point that the journal cannot take.
	ErrInvalidJournalEntry = errors.New("invalid journal entry")
	// ErrInvalidCompaction is returned by Compact for options that are not as CompactOptions
	// describes them.
	ErrInvalidCompaction = errors.New("invalid compaction")
	// ErrInvalidArchive is returned by VerifyArchive for a file that is damaged, or that
	// Compact has not written.
	ErrInvalidArchive = errors.New("invalid archive")
	// ErrNotPending is returned by SettleJournal for entries that are not those next to
	// be delivered.
	ErrNotPending = errors.New("journal entry is not pending")
	// ErrInvalidArgument is returned for a nil function, context, command or option, and
	// for a command that is a pointer.
	ErrInvalidArgument = errors.New("invalid argument")
	// ErrRequestMismatch is returned for a request whose id was that of another one.
	ErrRequestMismatch = errors.New("request id belongs to another request")
)

// Errors of Store.Transaction: nothing was changed.
var (
	// ErrTransactionTimeout is returned by Transaction, and by the methods of a
	// StoreTransaction, when the callback has taken longer than
	// StoreConfig.TransactionTimeout.
	ErrTransactionTimeout = errors.New("transaction has taken too long")
	// ErrTransactionEnded is returned by the methods of a StoreTransaction whose
	// callback has returned.
	ErrTransactionEnded = errors.New("transaction has ended")
)

// Errors of the store as a whole.
var (
	// ErrClosed is returned by every call after Close, and by every call of a nil or zero
	// Store, ScopedStore, Workspace or Consumer.
	ErrClosed = errors.New("store is closed")
	// ErrUnavailable is returned for a write that cannot be taken now: disk full,
	// a backlog at its bound, or a store that has stopped writing. Nothing was changed.
	ErrUnavailable = errors.New("unavailable")
	// ErrBackupUnderway is returned by Backup while another one is made.
	ErrBackupUnderway = errors.New("a backup is already under way")
	// ErrCompactionUnderway is returned by Compact while another one is.
	ErrCompactionUnderway = errors.New("a compaction is already under way")
	// ErrOutcomeUnknown is returned when a commit or its fsync failed: the write
	// may have happened. The store takes no further write until it is opened again.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// NotFoundError says which key is not there, or has expired. It wraps ErrNotFound.
type NotFoundError struct {
	// Group is the whole name: "acme:config".
	Group string
	Key   string
}

// Error names the entry.
func (missing *NotFoundError) Error() string {
	return fmt.Sprintf("group %q key %q: %s", missing.Group, missing.Key, ErrNotFound)
}

// Unwrap returns ErrNotFound.
func (missing *NotFoundError) Unwrap() error { return ErrNotFound }

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

// TooLargeError says by how much something passed its limit. It wraps ErrTooLarge.
type TooLargeError struct {
	// What is too large: "entry" as it travels, see Limits.EntryBytes, the "answer" of a
	// Request, "the summary of workspace …", the parts of a "journal entry", the "template", the "group to render" or the "rendered text" of
	// Render, or of a query of the journal the "query" itself, "what the query has to
	// sort" or the "result of the query".
	What string
	// Size is in bytes; of what is not made in full it is how far that came.
	Size  int
	Limit int
}

// Error names the size and the limit in bytes.
func (tooLarge *TooLargeError) Error() string {
	return fmt.Sprintf("%s takes %d bytes, %d are allowed", tooLarge.What, tooLarge.Size, tooLarge.Limit)
}

// Unwrap returns ErrTooLarge.
func (tooLarge *TooLargeError) Unwrap() error { return ErrTooLarge }

// TransactionError says where a TransactionCommand failed. It wraps the failure.
type TransactionError struct {
	// List is "if", "then" or "else"; Index is the place in it, from 0.
	List  string
	Index int
	Err   error
}

// Error names the place and the failure.
func (failure *TransactionError) Error() string {
	return fmt.Sprintf("%s[%d]: %s", failure.List, failure.Index, failure.Err)
}

// Unwrap returns the failure itself.
func (failure *TransactionError) Unwrap() error { return failure.Err }

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

// TooManyKindsError says that a workspace has as many kinds of entries as it may have. It
// wraps ErrTooLarge.
type TooManyKindsError struct {
	// Kind would be another one.
	Kind  string
	Limit int
}

// Error names the kind and the limit.
func (tooMany *TooManyKindsError) Error() string {
	return fmt.Sprintf("there are %d kinds already, %q would be another", tooMany.Limit, tooMany.Kind)
}

// Unwrap returns ErrTooLarge.
func (tooMany *TooManyKindsError) Unwrap() error { return ErrTooLarge }

// QuotaExceededError says which limit of its namespace's Quota a write would have passed. It
// wraps ErrQuotaExceeded.
type QuotaExceededError struct {
	// Quota is "keys", "groups", "bytes" or "value_bytes"; or "workspaces", whose Limit is
	// MaxWorkspaces.
	Quota string
	Limit int64
	// Usage is what the namespace holds of it, with "value_bytes" the length of the
	// value that was to be written.
	Usage int64
}

// Error names the limit and the use.
func (exceeded *QuotaExceededError) Error() string {
	return fmt.Sprintf("quota exceeded: %s: %d in use, %d are allowed", exceeded.Quota, exceeded.Usage, exceeded.Limit)
}

// Unwrap returns ErrQuotaExceeded.
func (exceeded *QuotaExceededError) Unwrap() error { return ErrQuotaExceeded }
