// SPDX-License-Identifier: EUPL-1.2

package commands

import (
	"time"

	"dappco.re/go/storebus/store/internal/kv"
)

// Outcome is the result of a command.
type Outcome struct {
	// Revision is the revision of the change, or the current revision of the namespace if
	// nothing was changed.
	Revision uint64
	// Created is true if a set made a new key, or if a workspace was made.
	Created bool
	// Deleted is true if a delete removed a key.
	Deleted bool
	// DeletedKeys and DeletedGroups are the numbers of keys and groups that a deletion of
	// groups removed.
	DeletedKeys   int64
	DeletedGroups int64
	// ExpiresAt is the expiry of the entry that was set, touched or incremented; the zero time
	// is no expiry.
	ExpiresAt time.Time
	// Entry is the touched entry in its new state, or the entry that a GetOperation found; nil
	// if there is none.
	Entry *kv.Entry
	// Number is the sum of an increment.
	Number int64
	// EntryID and CommittedAt belong to the new entry of the journal.
	EntryID     int64
	CommittedAt time.Time
	// Entries is the number of entries of a workspace, and Summary the number of each kind.
	Entries int64
	Summary map[string]int64
	// Requeued is the number of entries that a RequeueJournalCommand has made pending again.
	Requeued int64
	// Transaction is the outcome of a TransactionCommand. Revision is then the revision of its
	// last change.
	Transaction *TransactionOutcome
	// Answer is the result of Request.Answer. Replayed tells that the answer is from an earlier
	// request with the same id, and that nothing was done now. All other fields are zero then.
	Answer   []byte
	Replayed bool
}

// TransactionOutcome is the result of a TransactionCommand.
type TransactionOutcome struct {
	// Succeeded is true if the guards held and Then was carried out.
	Succeeded bool
	// FirstRevision is the revision of the first change, 0 if nothing was changed.
	FirstRevision uint64
	// Results has the outcome of each operation, in order.
	Results []Outcome
}
