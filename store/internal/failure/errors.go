// SPDX-License-Identifier: EUPL-1.2

package failure

import (
	"context"
	"errors"
	"fmt"
)

// Package store documents each of the errors.

// Errors of single operations: nothing was changed.
var (
	ErrNotFound            = errors.New("not found")
	ErrInvalidName         = errors.New("invalid name")
	ErrInvalidTTL          = errors.New("invalid time to live")
	ErrRevisionConflict    = errors.New("revision conflict")
	ErrCompacted           = errors.New("compacted")
	ErrTooLarge            = errors.New("too large")
	ErrQuotaExceeded       = errors.New("quota exceeded")
	ErrInvalidTemplate     = errors.New("invalid template")
	ErrDeadlineExceeded    = errors.New("time limit exceeded")
	ErrInvalidData         = errors.New("invalid data")
	ErrInvalidQuery        = errors.New("invalid query")
	ErrInvalidFlux         = errors.New("invalid Flux")
	ErrNotANumber          = errors.New("value is not a number")
	ErrOverflow            = errors.New("number overflows")
	ErrInvalidTransaction  = errors.New("invalid transaction")
	ErrInvalidJournalEntry = errors.New("invalid journal entry")
	ErrInvalidCompaction   = errors.New("invalid compaction")
	ErrInvalidArchive      = errors.New("invalid archive")
	ErrDamagedEntry        = errors.New("entry is damaged on disk")
	ErrNotPending          = errors.New("journal entry is not pending")
	ErrInvalidArgument     = errors.New("invalid argument")
	ErrRequestMismatch     = errors.New("request id belongs to another request")
)

// Errors of Store.Transaction: nothing was changed.
var (
	ErrTransactionTimeout = errors.New("transaction has taken too long")
	ErrTransactionEnded   = errors.New("transaction has ended")
)

// Errors of the store as a whole.
var (
	ErrClosed             = errors.New("store is closed")
	ErrUnavailable        = errors.New("unavailable")
	ErrBackupUnderway     = errors.New("a backup is already under way")
	ErrCompactionUnderway = errors.New("a compaction is already under way")
	ErrOutcomeUnknown     = errors.New("outcome unknown")
)

// ErrNeverOpened is the error of a nil Store, of the zero Store, and of everything made from
// one. They are as closed as a store after Close.
var ErrNeverOpened = fmt.Errorf("%w: it was never opened; use New or NewConfigured", ErrClosed)

// NotFoundError names the key that does not exist or has expired. It wraps ErrNotFound.
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

// DamagedEntryError names an entry that is not as it was written. It wraps ErrDamagedEntry.
type DamagedEntryError struct {
	// Group is the whole name: "acme:config".
	Group string
	Key   string
}

// Error names the entry.
func (damaged *DamagedEntryError) Error() string {
	return fmt.Sprintf("group %q key %q: %s", damaged.Group, damaged.Key, ErrDamagedEntry)
}

// Unwrap returns ErrDamagedEntry.
func (damaged *DamagedEntryError) Unwrap() error { return ErrDamagedEntry }

// RevisionConflictError has the present revision of the entry. It wraps ErrRevisionConflict.
type RevisionConflictError struct {
	Group    string
	Key      string
	Expected uint64
	// Current is the revision of the entry, 0 if there is no such key.
	Current uint64
}

// Error names the entry, its revision and the expected revision.
func (conflict *RevisionConflictError) Error() string {
	return fmt.Sprintf("group %q key %q stands at revision %d, not %d", conflict.Group, conflict.Key, conflict.Current, conflict.Expected)
}

// Unwrap returns ErrRevisionConflict.
func (conflict *RevisionConflictError) Unwrap() error { return ErrRevisionConflict }

// CompactedError says which part of the log can still be read. Changes returns it if the log
// does not hold all changes after After. It wraps ErrCompacted.
type CompactedError struct {
	Namespace string
	After     uint64
	// Oldest is the lowest revision that can be read, Revision + 1 if there is none.
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

// TooLargeError has the size and the limit of a thing that is too large. It wraps ErrTooLarge.
type TooLargeError struct {
	// What names the thing that is too large: an "entry" on the wire (see
	// Limits.EntryBytes), the "answer" of a Request, or "the summary of workspace …". It
	// may be a part of a "journal entry", the "template", the "group to render" or the
	// "rendered text" of Render. A query of the journal has the "query", "what the query
	// has to sort" and the "result of the query".
	What string
	// Size is in bytes. If a result was not finished, it is the size so far.
	Size  int
	Limit int
}

// Error names the size and the limit in bytes.
func (tooLarge *TooLargeError) Error() string {
	return fmt.Sprintf("%s takes %d bytes, %d are allowed", tooLarge.What, tooLarge.Size, tooLarge.Limit)
}

// Unwrap returns ErrTooLarge.
func (tooLarge *TooLargeError) Unwrap() error { return ErrTooLarge }

// TransactionError names the guard or operation at which a TransactionCommand failed. It wraps
// the failure.
type TransactionError struct {
	// List is "if", "then" or "else". Index is the place in the list, from 0.
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

// TooManyGroupsError says that a prefix covers more groups than one command deletes. It wraps
// ErrTooLarge.
type TooManyGroupsError struct {
	Prefix string
	Limit  int
}

// Error names the prefix and the remedy.
func (tooMany *TooManyGroupsError) Error() string {
	return fmt.Sprintf("more than %d groups begin with %q: delete them by longer prefixes", tooMany.Limit, tooMany.Prefix)
}

// Unwrap returns ErrTooLarge.
func (tooMany *TooManyGroupsError) Unwrap() error { return ErrTooLarge }

// TooManyKindsError says that a workspace has the largest number of kinds already. It wraps
// ErrTooLarge.
type TooManyKindsError struct {
	// Kind is the refused kind.
	Kind  string
	Limit int
}

// Error names the kind and the limit.
func (tooMany *TooManyKindsError) Error() string {
	return fmt.Sprintf("there are %d kinds already, %q would be another", tooMany.Limit, tooMany.Kind)
}

// Unwrap returns ErrTooLarge.
func (tooMany *TooManyKindsError) Unwrap() error { return ErrTooLarge }

// QuotaExceededError names the limit of the namespace's Quota that the write would have passed.
// It wraps ErrQuotaExceeded.
type QuotaExceededError struct {
	// Quota is "keys", "groups", "bytes" or "value_bytes", or "workspaces" with MaxWorkspaces
	// as the Limit.
	Quota string
	Limit int64
	// Usage is the present usage of the namespace; for "value_bytes" it is the length of the
	// refused value.
	Usage int64
}

// Error names the limit and the usage.
func (exceeded *QuotaExceededError) Error() string {
	return fmt.Sprintf("quota exceeded: %s: %d in use, %d are allowed", exceeded.Quota, exceeded.Usage, exceeded.Limit)
}

// Unwrap returns ErrQuotaExceeded.
func (exceeded *QuotaExceededError) Unwrap() error { return ErrQuotaExceeded }

// CheckContext returns ErrInvalidArgument for a nil context.
func CheckContext(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("%w: the context is nil; use context.Background()", ErrInvalidArgument)
	}
	return nil
}
