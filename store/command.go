// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
)

// Command is a write, as data: SetCommand, DeleteCommand, TouchCommand, IncrementCommand,
// DeleteGroupCommand, DeletePrefixCommand, TransactionCommand, JournalCommand or
// RequeueJournalCommand.
type Command interface {
	// apply checks the command against the batch and, if it may be carried out, records its
	// changes. A command that fails changes nothing.
	apply(batch *batch, origin origin) (Outcome, error)
	// groups returns the groups that the command names. Of two commands that name the same
	// group, the first is carried out first.
	groups() []string
}

// origin has the data about a command's source that its changes carry.
type origin struct {
	fromCaller bool
}

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
	Entry *Entry
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

// The bounds of a time to live.
const (
	MinTimeToLive = time.Millisecond
	MaxTimeToLive = 100 * 365 * 24 * time.Hour
)

// SetCommand stores Value under Key of Group, the group's whole name. Without a
// time to live the entry does not expire.
//
//	store.SetCommand{Group: "acme:config", Key: "theme", Value: "dark", TimeToLive: time.Minute}
type SetCommand struct {
	Group string
	Key   string
	Value string
	// TimeToLive is MinTimeToLive to MaxTimeToLive, rounded up to milliseconds; 0 is no expiry.
	TimeToLive time.Duration
	// KeepExpiry leaves the expiry of an existing entry as it is.
	KeepExpiry bool
	// IfRevision, if not nil, is the revision that the entry must have, 0 for no entry.
	// Otherwise the command fails with RevisionConflictError.
	IfRevision *uint64
	// TraceParent is passed to the event.
	TraceParent string
}

func (command SetCommand) apply(batch *batch, origin origin) (Outcome, error) {
	if !command.KeepExpiry {
		if err := checkTimeToLive(command.TimeToLive); err != nil {
			return Outcome{}, err
		}
	}
	target, err := batch.checkedTarget(command.Group, command.Key)
	if err != nil {
		return Outcome{}, err
	}
	if err := checkGuard(command.IfRevision, target, target.live(batch.timestamp)); err != nil {
		return Outcome{}, err
	}
	return command.store(batch, target, origin)
}

func (command SetCommand) groups() []string { return []string{command.Group} }

// store checks the size of the entry and the quota, and records it.
func (command SetCommand) store(batch *batch, target *target, origin origin) (Outcome, error) {
	_, group := kv.NamespaceOf(command.Group)
	if err := kv.CheckEntry(batch.limits, target.namespaceName, group, command.Key, command.Value); err != nil {
		return Outcome{}, err
	}
	if err := batch.admit(target, command.Value); err != nil {
		return Outcome{}, err
	}
	return command.record(batch, target, origin), nil
}

func (command SetCommand) record(batch *batch, target *target, origin origin) Outcome {
	current := target.live(batch.timestamp)
	expiresAt := expiryAfter(batch.timestamp, command.TimeToLive)
	if command.KeepExpiry {
		expiresAt = kv.TimeOfMilliseconds(current.ExpiresAt)
	}
	batch.expireIfDue(target)
	value := target.pack(command.Value)
	event := batch.record(target, Event{
		Type: EventSet, Value: value, Created: !current.Present(), ExpiresAt: expiresAt,
		TraceParent: command.TraceParent,
	}, origin)
	return Outcome{Revision: event.Revision, Created: event.Created, ExpiresAt: expiresAt}
}

// checkTimeToLive returns ErrInvalidTTL for one outside the bounds; 0 is none.
func checkTimeToLive(timeToLive time.Duration) error {
	if timeToLive != 0 && (timeToLive < MinTimeToLive || timeToLive > MaxTimeToLive) {
		return fmt.Errorf("%w: %s is not %s to %s", kv.ErrInvalidTTL, timeToLive, MinTimeToLive, MaxTimeToLive)
	}
	return nil
}

// expiryAfter is when a time to live that begins now ends; 0 is never.
func expiryAfter(now time.Time, timeToLive time.Duration) time.Time {
	if timeToLive == 0 {
		return time.Time{}
	}
	// Whole milliseconds, rounded up: nothing expires early.
	return time.UnixMilli(now.Add(timeToLive).Add(time.Millisecond - 1).UnixMilli()).UTC()
}

// DeleteCommand removes Key of Group, the group's whole name. If there is no such key, nothing
// is changed, and that is not an error.
//
//	store.DeleteCommand{Group: "acme:config", Key: "theme"}
type DeleteCommand struct {
	Group string
	Key   string
	// IfRevision is as in SetCommand.
	IfRevision *uint64
	// TraceParent is passed to the event.
	TraceParent string
}

func (command DeleteCommand) apply(batch *batch, origin origin) (Outcome, error) {
	target, err := batch.checkedTarget(command.Group, command.Key)
	if err != nil {
		return Outcome{}, err
	}
	current := target.live(batch.timestamp)
	if err := checkGuard(command.IfRevision, target, current); err != nil {
		return Outcome{}, err
	}
	if !current.Present() {
		return Outcome{Revision: target.namespace.Revision}, nil
	}
	event := batch.record(target, Event{Type: EventDelete, TraceParent: command.TraceParent}, origin)
	return Outcome{Revision: event.Revision, Deleted: true}, nil
}

func (command DeleteCommand) groups() []string { return []string{command.Group} }

func checkGuard(expected *uint64, target *target, current kv.EntryState) error {
	if expected == nil || *expected == current.Revision {
		return nil
	}
	return &kv.RevisionConflictError{Group: target.Group, Key: target.Key, Expected: *expected, Current: current.Revision}
}
