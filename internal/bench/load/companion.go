// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"errors"

	"dappco.re/go/storebus/internal/bench/report"
)

// Companion is what goes on beside the loop of a trial. Each of its methods may be a
// part of the measured time.
type Companion interface {
	// Begin is called before the clock starts, and may change the loop.
	Begin(ctx context.Context, loop *Loop) error
	// End is called after the last reply, before the drain.
	End(ctx context.Context) error
	// Settle is called after the drain, and waits for what must still arrive.
	Settle(ctx context.Context, outcome *Outcome) error
	// Note writes what it has seen into the round, after the clock has stopped.
	Note(round *report.Round)
}

// alone is the companion of a trial without one.
type alone struct{}

func (alone) Begin(context.Context, *Loop) error     { return nil }
func (alone) End(context.Context) error              { return nil }
func (alone) Settle(context.Context, *Outcome) error { return nil }
func (alone) Note(*report.Round)                     {}

// Companions go on beside a trial together. They end in their order: what comes first
// may wait for something that the others have to go on beside.
type Companions []Companion

// Begin begins all, up to the first that fails.
func (companions Companions) Begin(ctx context.Context, loop *Loop) error {
	for _, companion := range companions {
		if err := companion.Begin(ctx, loop); err != nil {
			return err
		}
	}
	return nil
}

// End ends all, and returns every error.
func (companions Companions) End(ctx context.Context) error {
	var failures []error
	for _, companion := range companions {
		failures = append(failures, companion.End(ctx))
	}
	return errors.Join(failures...)
}

// Settle lets all settle, up to the first that fails.
func (companions Companions) Settle(ctx context.Context, outcome *Outcome) error {
	for _, companion := range companions {
		if err := companion.Settle(ctx, outcome); err != nil {
			return err
		}
	}
	return nil
}

// Note has each of them write what it has seen.
func (companions Companions) Note(round *report.Round) {
	for _, companion := range companions {
		companion.Note(round)
	}
}
