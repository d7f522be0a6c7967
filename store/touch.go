// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

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

func (command TouchCommand) apply(batch *batch, origin origin) (Outcome, error) {
	if err := checkTimeToLive(command.TimeToLive); err != nil {
		return Outcome{}, err
	}
	target, err := batch.checkedTargetWithValue(command.Group, command.Key)
	if err != nil {
		return Outcome{}, err
	}
	current := target.live(batch.timestamp)
	if err := checkGuard(command.IfRevision, target, current); err != nil {
		return Outcome{}, err
	}
	if !current.Present() {
		return Outcome{}, &kv.NotFoundError{Group: command.Group, Key: command.Key}
	}
	event := batch.record(target, Event{
		Type: EventTouch, ExpiresAt: expiryAfter(batch.timestamp, command.TimeToLive),
		TraceParent: command.TraceParent,
	}, origin)
	entry := newEntry(command.Group, command.Key, &target.entry)
	return Outcome{Revision: event.Revision, ExpiresAt: event.ExpiresAt, Entry: &entry}, nil
}

func (command TouchCommand) groups() []string { return []string{command.Group} }
