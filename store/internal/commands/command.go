// SPDX-License-Identifier: EUPL-1.2

package commands

import (
	"fmt"
	"reflect"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// Command is a write, as data: SetCommand, DeleteCommand, TouchCommand, IncrementCommand,
// DeleteGroupCommand, DeletePrefixCommand, TransactionCommand, JournalCommand or
// RequeueJournalCommand. Only the store makes more of them, because a batch is its own.
type Command interface {
	// Apply checks the command against the batch and, if it may be carried out, records its
	// changes. A command that fails changes nothing.
	Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error)
	// Groups returns the groups that the command names. Of two commands that name the same
	// group, the first is carried out first.
	Groups() []string
}

// Grows reports whether a command may need more room on the disk than it makes. On a full disk only
// other commands are carried out.
func Grows(command Command) bool {
	grower, grows := command.(interface{ Grows() bool })
	return grows && grower.Grows()
}

// Grows reports true, see the function Grows.
func (SetCommand) Grows() bool { return true }

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

// Apply implements Command.
func (command SetCommand) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	if !command.KeepExpiry {
		if err := checkTimeToLive(command.TimeToLive); err != nil {
			return Outcome{}, err
		}
	}
	target, err := guardedTarget(batch, command.Group, command.Key, command.IfRevision != nil || command.KeepExpiry)
	if err != nil {
		return Outcome{}, err
	}
	if err := checkGuard(command.IfRevision, target, target.Live(batch.Timestamp())); err != nil {
		return Outcome{}, err
	}
	return command.store(batch, target, origin)
}

// Groups implements Command.
func (command SetCommand) Groups() []string { return []string{command.Group} }

// store checks the size of the entry and the quota, and records it.
func (command SetCommand) store(batch *batch.Batch, target *batch.Target, origin batch.Origin) (Outcome, error) {
	namespace, group := kv.NamespaceOf(command.Group)
	if err := kv.CheckEntry(batch.Limits(), namespace, group, command.Key, command.Value); err != nil {
		return Outcome{}, err
	}
	if err := batch.Admit(target, command.Value); err != nil {
		return Outcome{}, err
	}
	return Record(batch, target, command, origin), nil
}

// Record logs a set that is checked. Nothing can fail any more.
func Record(batch *batch.Batch, target *batch.Target, command SetCommand, origin batch.Origin) Outcome {
	current := target.Live(batch.Timestamp())
	expiresAt := expiryAfter(batch.Timestamp(), command.TimeToLive)
	if command.KeepExpiry {
		expiresAt = kv.TimeOfMilliseconds(current.ExpiresAt)
	}
	batch.ExpireIfDue(target)
	value := target.Pack(command.Value)
	event := batch.Record(target, changelog.Event{
		Type: changelog.EventSet, Value: value, Created: !current.Present(), ExpiresAt: expiresAt,
		TraceParent: command.TraceParent,
	}, origin)
	return Outcome{Revision: event.Revision, Created: event.Created, ExpiresAt: expiresAt}
}

// checkTimeToLive returns ErrInvalidTTL for one outside the bounds; 0 is none.
func checkTimeToLive(timeToLive time.Duration) error {
	if timeToLive != 0 && (timeToLive < MinTimeToLive || timeToLive > MaxTimeToLive) {
		return fmt.Errorf("%w: %s is not %s to %s", failure.ErrInvalidTTL, timeToLive, MinTimeToLive, MaxTimeToLive)
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

// Apply implements Command.
func (command DeleteCommand) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	target, err := guardedTarget(batch, command.Group, command.Key, command.IfRevision != nil)
	if err != nil {
		return Outcome{}, err
	}
	current := target.Live(batch.Timestamp())
	if err := checkGuard(command.IfRevision, target, current); err != nil {
		return Outcome{}, err
	}
	if !current.Present() {
		return Outcome{Revision: target.Revision()}, nil
	}
	event := batch.Record(target, changelog.Event{Type: changelog.EventDelete, TraceParent: command.TraceParent}, origin)
	return Outcome{Revision: event.Revision, Deleted: true}, nil
}

// Groups implements Command.
func (command DeleteCommand) Groups() []string { return []string{command.Group} }

// guardedTarget returns the target of a command. If the command relies on the entry, as a guard does,
// the entry is read with its value, which shows whether it is damaged. Otherwise the command also
// replaces a damaged one.
func guardedTarget(batch *batch.Batch, group, key string, relies bool) (*batch.Target, error) {
	if relies {
		return batch.CheckedTargetWithValue(group, key)
	}
	return batch.CheckedTarget(group, key)
}

func checkGuard(expected *uint64, target *batch.Target, current kv.EntryState) error {
	if expected == nil || *expected == current.Revision {
		return nil
	}
	return &failure.RevisionConflictError{Group: target.Group, Key: target.Key, Expected: *expected, Current: current.Revision}
}

// Check returns ErrInvalidArgument for a command that cannot be carried out: none,
// or a pointer, which may be nil and which nobody takes for the command it points to.
func Check(command any) error {
	switch value := reflect.ValueOf(command); {
	case !value.IsValid():
		return fmt.Errorf("%w: the command is nil", failure.ErrInvalidArgument)
	case value.Kind() == reflect.Pointer:
		return fmt.Errorf("%w: the command is a %T; use the value it points to", failure.ErrInvalidArgument, command)
	default:
		return nil
	}
}
