// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/follow"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/mailbox"
	"dappco.re/go/storebus/store/internal/sqlitelog"
	"dappco.re/go/storebus/store/internal/workspace"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// Event is one change of the log. Watch and OnChange deliver events, and Changes returns them.
//
//	store.Event{Type: store.EventSet, Namespace: "acme", Group: "acme:config", Key: "theme", Value: "dark", Revision: 42}
type Event = changelog.Event

// Commit is one batch of the log: all changes of one transaction of the database. The events
// are shared; do not change them.
type Commit = changelog.Commit

// ChangesQuery asks for the changes of a namespace after a revision.
//
//	store.ChangesQuery{Namespace: "acme", After: 41, Limit: 100, Wait: 30 * time.Second}
type ChangesQuery = follow.Query

// ChangesPage is one page of the log.
type ChangesPage = follow.Page

// Consumer reads the log in order. It remembers its watermark across restarts: the last commit
// that it has acknowledged. The log is not trimmed beyond the watermark. Only one goroutine may
// call Next and Rewind.
type Consumer = follow.Consumer

// Retention bounds the change log. If the log has more changes or bytes, the namespace that holds
// most of them loses its oldest. Changes that are too old go, whoever made them. Changes that a
// registered consumer has not acknowledged are kept.
type Retention = sqlitelog.Retention

// Entry is a key with its value, revision and times.
type Entry = kv.Entry

// AllNamespaces is the namespace of a quota that holds for each namespace without a quota of its
// own.
const AllNamespaces = batch.AllNamespaces

// Quota bounds what a namespace keeps. A zero field is no limit. A write that does not
// raise the counted figure is always allowed. So a limit below the present usage only forbids
// growth.
//
//	store.Quota{MaxKeys: 10_000, MaxBytes: 64 << 20}
type Quota = batch.Quota

// MaxGroupsPerDelete is the largest number of groups that one DeletePrefixCommand deletes. They
// are one change of the log with an event for each group, and all other callers wait for it.
const MaxGroupsPerDelete = batch.MaxGroupsPerDelete

// RetryWindow is the time for which the store remembers the answer to a request with an id, by
// the store's clock.
const RetryWindow = batch.RetryWindow

// DigestBytes is the length of Request.Digest.
const DigestBytes = batch.DigestBytes

// Command is a write, as data: SetCommand, DeleteCommand, TouchCommand, IncrementCommand,
// DeleteGroupCommand, DeletePrefixCommand, TransactionCommand, JournalCommand or
// RequeueJournalCommand. Only the store makes more of them, because a batch is its own.
type Command = commands.Command

// Outcome is the result of a command.
type Outcome = commands.Outcome

// TransactionOutcome is the result of a TransactionCommand.
type TransactionOutcome = commands.TransactionOutcome

// SetCommand stores Value under Key of Group, the group's whole name. Without a
// time to live the entry does not expire.
//
//	store.SetCommand{Group: "acme:config", Key: "theme", Value: "dark", TimeToLive: time.Minute}
type SetCommand = commands.SetCommand

// DeleteCommand removes Key of Group, the group's whole name. If there is no such key, nothing
// is changed, and that is not an error.
//
//	store.DeleteCommand{Group: "acme:config", Key: "theme"}
type DeleteCommand = commands.DeleteCommand

// TouchCommand changes the expiry of Key of Group, the group's whole name, and leaves the value
// as it is. A missing key is NotFoundError. The Outcome has the entry, so the command also
// serves as get-and-touch.
//
//	store.TouchCommand{Group: "acme:session", Key: "token", TimeToLive: 5 * time.Minute}
type TouchCommand = commands.TouchCommand

// IncrementCommand adds By to the number under Key of Group, the group's whole name. The number
// is a decimal int64 with or without a sign. A missing key counts from 0. Another value is
// ErrNotANumber, and a sum outside the int64 is ErrOverflow.
//
//	store.IncrementCommand{Group: "acme:counters", Key: "visits", By: 1}
type IncrementCommand = commands.IncrementCommand

// DeleteGroupCommand removes every key of Group, the group's whole name, as one change. If the
// group has no keys, nothing is changed, and that is not an error. Outcome.DeletedKeys is the
// number of keys that the group had.
//
//	store.DeleteGroupCommand{Group: "acme:session"}
type DeleteGroupCommand = commands.DeleteGroupCommand

// DeletePrefixCommand removes every key of the groups whose whole names begin with Prefix, byte
// for byte, as one change with an event for each group, in byte order. "acme:" is the whole
// namespace acme; "" is the whole store. If no group has a key, nothing is changed. More than
// MaxGroupsPerDelete groups are refused with TooManyGroupsError. Outcome.Revision is the
// revision of the namespace that Prefix lies in.
//
//	store.DeletePrefixCommand{Prefix: "acme:session:"}
type DeletePrefixCommand = commands.DeletePrefixCommand

// TransactionCommand carries out Then if all guards of If hold, and Else otherwise. It carries
// out the whole list or, if one operation fails, nothing. Each operation sees the operations
// before it. All groups lie in one namespace. It fails with TransactionError, which names the
// guard or the operation, or with ErrInvalidTransaction.
//
//	store.TransactionCommand{
//		Namespace: "acme",
//		If:        []store.Guard{{Group: "acme:stock", Key: "apples", Value: &three}},
//		Then: []store.Command{
//			store.IncrementCommand{Group: "acme:stock", Key: "apples", By: -1},
//			store.IncrementCommand{Group: "acme:sold", Key: "apples", By: 1},
//		},
//		Else: []store.Command{store.GetOperation{Group: "acme:stock", Key: "apples"}},
//	}
type TransactionCommand = commands.TransactionCommand

// Guard is a condition of a TransactionCommand on Key of Group, the group's whole name. All
// fields that are not nil must hold; at least one is required.
//
//	store.Guard{Group: "acme:config", Key: "theme", Exists: &no}
type Guard = commands.Guard

// GetOperation reads Key of Group, the group's whole name, among the operations of a
// transaction. If there is no such key, Outcome.Entry is nil, and that is not a failure.
//
//	store.GetOperation{Group: "acme:config", Key: "theme"}
type GetOperation = commands.GetOperation

// Request says how to answer a command, and by which id to recognise its repetition.
//
//	store.Request{Namespace: "acme", ID: "4Xr9", Digest: sha256.Sum256(body), Answer: encode}
type Request = commands.Request

// QuotaChange changes limits of a quota; nil leaves a limit as it is.
//
//	store.QuotaChange{MaxKeys: &maxKeys}
type QuotaChange = commands.QuotaChange

// MaxTransactionOperations is the largest length of each list of a TransactionCommand.
const MaxTransactionOperations = commands.MaxTransactionOperations

// MaxAnswerBytes is the length of the longest answer to a request with an id.
const MaxAnswerBytes = commands.MaxAnswerBytes

// MaxSummaryAnswerBytes is the length of the longest answer to a commit of a workspace with an
// id. It is larger than MaxAnswerBytes, because every workspace that took its entries can be
// committed, and each kind took a put.
const MaxSummaryAnswerBytes = commands.MaxSummaryAnswerBytes

// The bounds of a time to live.
const (
	MinTimeToLive = commands.MinTimeToLive
	MaxTimeToLive = commands.MaxTimeToLive
)

// EventType says what a change did.
type EventType = changelog.EventType

// The types of change.
const (
	// EventSet: a key got a value.
	EventSet = changelog.EventSet
	// EventDelete: a key was removed.
	EventDelete = changelog.EventDelete
	// EventDeleteGroup: all keys of the group were removed. The event has no key.
	EventDeleteGroup = changelog.EventDeleteGroup
	// EventTouch: the expiry of a key was changed.
	EventTouch = changelog.EventTouch
	// EventExpire: a key expired.
	EventExpire = changelog.EventExpire
)

// Errors of single operations: nothing was changed.
var (
	// ErrNotFound is wrapped by NotFoundError. It is also returned for a consumer that is not
	// registered, and for a workspace or an archive that does not exist.
	ErrNotFound = failure.ErrNotFound
	// ErrDamagedEntry is wrapped by DamagedEntryError: the disk has not kept what was written. The
	// store repairs the entry if the log still has it, so a later try may succeed.
	ErrDamagedEntry = failure.ErrDamagedEntry
	// ErrInvalidName is returned for a namespace, group or key outside the limits.
	ErrInvalidName = failure.ErrInvalidName
	// ErrInvalidTTL is returned for a time to live outside 1 ms to 100 years.
	ErrInvalidTTL = failure.ErrInvalidTTL
	// ErrRevisionConflict is wrapped by RevisionConflictError.
	ErrRevisionConflict = failure.ErrRevisionConflict
	// ErrCompacted is wrapped by CompactedError.
	ErrCompacted = failure.ErrCompacted
	// ErrTooLarge is wrapped by TooLargeError, TooManyGroupsError and TooManyKindsError.
	// GetMany returns it if ManyQuery.Fits refuses an entry.
	ErrTooLarge = failure.ErrTooLarge
	// ErrQuotaExceeded is wrapped by QuotaExceededError.
	ErrQuotaExceeded = failure.ErrQuotaExceeded
	// ErrInvalidTemplate is wrapped by TemplateError.
	ErrInvalidTemplate = failure.ErrInvalidTemplate
	// ErrDeadlineExceeded is returned for a template after MaxRenderTime, for a query of a
	// workspace after MaxQueryTime, and for a query of the journal after MaxJournalQueryTime.
	ErrDeadlineExceeded = failure.ErrDeadlineExceeded
	// ErrInvalidData is returned for an entry of a workspace that is not JSON, or that SQLite
	// cannot read.
	ErrInvalidData = failure.ErrInvalidData
	// ErrInvalidQuery is returned for a query of a workspace that is not a single SELECT over
	// its entries, or that uses a forbidden function or table.
	ErrInvalidQuery = failure.ErrInvalidQuery
	// ErrInvalidFlux is wrapped by FluxError.
	ErrInvalidFlux = failure.ErrInvalidFlux
	// ErrNotANumber is returned for an increment of a value that is not an int64.
	ErrNotANumber = failure.ErrNotANumber
	// ErrOverflow is returned for an increment whose sum is not an int64.
	ErrOverflow = failure.ErrOverflow
	// ErrInvalidTransaction is returned for an invalid TransactionCommand: a guard without a
	// condition, too many operations, or a group of another namespace.
	ErrInvalidTransaction = failure.ErrInvalidTransaction
	// ErrInvalidJournalEntry is returned for a point that the journal cannot take.
	ErrInvalidJournalEntry = failure.ErrInvalidJournalEntry
	// ErrInvalidCompaction is returned by Compact for invalid CompactOptions.
	ErrInvalidCompaction = failure.ErrInvalidCompaction
	// ErrInvalidArchive is returned by VerifyArchive for a damaged file, and for a file that
	// Compact has not written.
	ErrInvalidArchive = failure.ErrInvalidArchive
	// ErrNotPending is returned by SettleJournal for entries that are not next in the delivery.
	ErrNotPending = failure.ErrNotPending
	// ErrInvalidArgument is returned for a nil function, context, command or option, and
	// for a command that is a pointer.
	ErrInvalidArgument = failure.ErrInvalidArgument
	// ErrRequestMismatch is returned for a request with the id of another request.
	ErrRequestMismatch = failure.ErrRequestMismatch
)

// Errors of Store.Transaction: nothing was changed.
var (
	// ErrTransactionTimeout is returned by Transaction, and by the methods of a
	// StoreTransaction, if the callback takes longer than StoreConfig.TransactionTimeout.
	ErrTransactionTimeout = failure.ErrTransactionTimeout
	// ErrTransactionEnded is returned by the methods of a StoreTransaction after its callback
	// has returned.
	ErrTransactionEnded = failure.ErrTransactionEnded
)

// Errors of the store as a whole.
var (
	// ErrClosed is returned by every call after Close, and by every method of a nil or zero
	// Store, ScopedStore, Workspace or Consumer.
	ErrClosed = failure.ErrClosed
	// ErrUnavailable is returned for a write that the store cannot take now: the disk is full,
	// a backlog is at its bound, or the store has stopped writing. Nothing was changed.
	ErrUnavailable = failure.ErrUnavailable
	// ErrBackupUnderway is returned by Backup while another backup runs.
	ErrBackupUnderway = failure.ErrBackupUnderway
	// ErrCompactionUnderway is returned by Compact while another compaction runs.
	ErrCompactionUnderway = failure.ErrCompactionUnderway
	// ErrOutcomeUnknown is returned if a commit or its fsync failed: the write may have
	// happened. The store takes no write until it is opened again.
	ErrOutcomeUnknown = failure.ErrOutcomeUnknown
)

// DamagedEntryError names an entry that is not as it was written. It wraps ErrDamagedEntry.
type DamagedEntryError = failure.DamagedEntryError

// NotFoundError names the key that does not exist or has expired. It wraps ErrNotFound.
type NotFoundError = failure.NotFoundError

// RevisionConflictError has the present revision of the entry. It wraps ErrRevisionConflict.
type RevisionConflictError = failure.RevisionConflictError

// CompactedError says which part of the log can still be read. Changes returns it if the log
// does not hold all changes after After. It wraps ErrCompacted.
type CompactedError = failure.CompactedError

// TooLargeError has the size and the limit of a thing that is too large. It wraps ErrTooLarge.
type TooLargeError = failure.TooLargeError

// TransactionError names the guard or operation at which a TransactionCommand failed. It wraps
// the failure.
type TransactionError = failure.TransactionError

// TooManyGroupsError says that a prefix covers more groups than one command deletes. It wraps
// ErrTooLarge.
type TooManyGroupsError = failure.TooManyGroupsError

// TooManyKindsError says that a workspace has the largest number of kinds already. It wraps
// ErrTooLarge.
type TooManyKindsError = failure.TooManyKindsError

// QuotaExceededError names the limit of the namespace's Quota that the write would have passed.
// It wraps ErrQuotaExceeded.
type QuotaExceededError = failure.QuotaExceededError

// Sink takes over the calls of Submit methods when they are carried out, many at once. Use
// it with SubmitTo to send results on without a goroutine of the store in between.
type Sink = mailbox.Sink

// Completion is a call that is carried out, and whose caller is not told yet.
type Completion = mailbox.Completion

// Limits bounds the entries of namespaces, for all callers. Limits also require names to be
// UTF-8. A zero field is no limit. Groups outside every namespace have no limits.
type Limits = kv.Limits

// EntryOverhead is the size that the largest message about an entry adds to group, key and
// value: field names, revisions, times and the store's id.
const EntryOverhead = kv.EntryOverhead

// MaxNamespaceBytes is the length of the longest name of a namespace.
const MaxNamespaceBytes = kv.MaxNamespaceBytes

// NamespaceOf returns the namespace of a group and the group's name within the namespace. The
// namespace is the part before the first colon, if that is a valid namespace. Any other group
// belongs to the empty namespace.
//
//	NamespaceOf("acme:user:42") // "acme", "user:42"
//	NamespaceOf("config")       // "", "config"
//	NamespaceOf("events:x")     // "", "events:x"
func NamespaceOf(group string) (namespace, name string) { return kv.NamespaceOf(group) }

// WorkspaceInfo describes a workspace.
type WorkspaceInfo = workspace.Info

// QueryRows is the result of a query.
type QueryRows = workspacefile.Rows

// The limits of workspaces.
const (
	// MaxWorkspaces is the largest number of workspaces of a namespace at once.
	MaxWorkspaces = workspace.MaxWorkspaces
	// MaxWorkspaceNameBytes is the length of the longest name of a workspace.
	MaxWorkspaceNameBytes = workspacefile.MaxNameBytes
	// MaxWorkspaceKinds is the largest number of kinds of entries in a workspace.
	MaxWorkspaceKinds = workspacefile.MaxKinds
	// MaxWorkspaceKindBytes is the length of the longest name of a kind.
	MaxWorkspaceKindBytes = workspacefile.MaxKindBytes
	// MaxWorkspaceDataBytes is the size of the largest entry, as JSON.
	MaxWorkspaceDataBytes = workspacefile.MaxDataBytes
	// MaxWorkspaceDataDepth is the largest number of levels of lists and objects in an entry of
	// a workspace. SQLite reads no more levels, and could not query the entry.
	MaxWorkspaceDataDepth = workspacefile.MaxDataDepth
)

// The limits of Workspace.Query.
const (
	// MaxQueryRows is the largest number of rows.
	MaxQueryRows = workspacefile.MaxQueryRows
	// MaxQueryTime is the longest time that a query runs.
	MaxQueryTime = workspace.MaxQueryTime
	// MaxQueryBytes is the largest size of the values of all rows together.
	MaxQueryBytes = workspacefile.MaxQueryBytes
	// MaxQueryTextBytes is the length of the longest SQL.
	MaxQueryTextBytes = workspacefile.MaxQueryTextBytes
)

// OriginalName returns the name that a workspace, or a kind of entries, had in the original
// library. The names differ only if the first name is not allowed here. A name that was too
// long cannot be returned: it was cut, and ends with a digest.
//
//	store.OriginalName("my_x0020_notes") // "my notes"
//	store.OriginalName("import-42")      // "import-42"
func OriginalName(name string) string { return workspacefile.OriginalName(name) }
