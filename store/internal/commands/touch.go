// SPDX-License-Identifier: EUPL-1.2

package commands

import (
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// TouchCommand changes the expiry of Key of Group, the group's whole name, and leaves the value
// as it is. A missing key is NotFoundError. The Outcome has the entry, so the command also
// serves as get-and-touch.
//
//	store.TouchCommand{Group: "acme:session", Key: "token", TimeToLive: 5 * time.Minute}
type TouchCommand struct {
	Group string
	Key   string
	// TimeToLive is MinTimeToLive to MaxTimeToLive, rounded up to milliseconds; 0 removes the
	// expiry.
	TimeToLive time.Duration
	// IfRevision is as in SetCommand.
	IfRevision *uint64
	// TraceParent is passed to the event.
	TraceParent string
}

// Apply implements Command.
func (command TouchCommand) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	if err := checkTimeToLive(command.TimeToLive); err != nil {
		return Outcome{}, err
	}
	target, err := batch.CheckedTargetWithValue(command.Group, command.Key)
	if err != nil {
		return Outcome{}, err
	}
	current := target.Live(batch.Timestamp())
	if err := checkGuard(command.IfRevision, target, current); err != nil {
		return Outcome{}, err
	}
	if !current.Present() {
		return Outcome{}, &failure.NotFoundError{Group: command.Group, Key: command.Key}
	}
	event := batch.Record(target, changelog.Event{
		Type: changelog.EventTouch, ExpiresAt: expiryAfter(batch.Timestamp(), command.TimeToLive),
		TraceParent: command.TraceParent,
	}, origin)
	touched := target.Live(batch.Timestamp())
	entry := kv.NewEntry(command.Group, command.Key, &touched)
	return Outcome{Revision: event.Revision, ExpiresAt: event.ExpiresAt, Entry: &entry}, nil
}

// Groups implements Command.
func (command TouchCommand) Groups() []string { return []string{command.Group} }

// Grows reports true, see the function Grows.
func (TouchCommand) Grows() bool { return true }
