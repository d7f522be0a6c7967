// SPDX-License-Identifier: EUPL-1.2

package commands

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// IncrementCommand adds By to the number under Key of Group, the group's whole name. The number
// is a decimal int64 with or without a sign. A missing key counts from 0. Another value is
// ErrNotANumber, and a sum outside the int64 is ErrOverflow.
//
//	store.IncrementCommand{Group: "acme:counters", Key: "visits", By: 1}
type IncrementCommand struct {
	Group string
	Key   string
	// By may be negative or 0.
	By int64
	// TimeToLive is as in SetCommand; nil leaves the expiry as it is.
	TimeToLive *time.Duration
	// TraceParent is passed to the event, which is a set.
	TraceParent string
}

// Apply implements Command.
func (command IncrementCommand) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	if command.TimeToLive != nil {
		if err := checkTimeToLive(*command.TimeToLive); err != nil {
			return Outcome{}, err
		}
	}
	target, err := batch.CheckedTargetWithValue(command.Group, command.Key)
	if err != nil {
		return Outcome{}, err
	}
	sum, err := command.sum(target.Live(batch.Timestamp()))
	if err != nil {
		return Outcome{}, err
	}
	outcome, err := command.set(sum).store(batch, target, origin)
	if err != nil {
		return Outcome{}, err
	}
	outcome.Number = sum
	return outcome, nil
}

// Groups implements Command.
func (command IncrementCommand) Groups() []string { return []string{command.Group} }

// set is the command that stores the sum.
func (command IncrementCommand) set(sum int64) SetCommand {
	set := SetCommand{
		Group: command.Group, Key: command.Key, Value: strconv.FormatInt(sum, 10),
		KeepExpiry: command.TimeToLive == nil, TraceParent: command.TraceParent,
	}
	if command.TimeToLive != nil {
		set.TimeToLive = *command.TimeToLive
	}
	return set
}

func (command IncrementCommand) sum(current kv.EntryState) (int64, error) {
	if !current.Present() {
		return command.By, nil
	}
	number, err := strconv.ParseInt(current.Value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: only a whole number of %d to %d can be incremented", failure.ErrNotANumber, math.MinInt64, math.MaxInt64)
	}
	sum := number + command.By
	if (sum < number) != (command.By < 0) {
		return 0, fmt.Errorf("%w: %d and %d make more than an int64 holds", failure.ErrOverflow, number, command.By)
	}
	return sum, nil
}

// Grows reports true, see the function Grows.
func (IncrementCommand) Grows() bool { return true }
