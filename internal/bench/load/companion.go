// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"errors"

	"dappco.re/go/storebus/internal/bench/report"
)

// Companion works beside the loop of a trial. The time of its methods may be a part of the
// measured time.
type Companion interface {
	// Begin is called before the clock starts, and may change the loop.
	Begin(ctx context.Context, loop *Loop) error
	// End is called after the last reply, before the drain.
	End(ctx context.Context) error
	// Settle is called after the drain, and waits for events that must still arrive.
	Settle(ctx context.Context, outcome *Outcome) error
	// Note writes the companion's figures to the round, after the clock has stopped.
	Note(round *report.Round)
}

// alone is the companion of a trial without one.
type alone struct{}

func (alone) Begin(context.Context, *Loop) error     { return nil }
func (alone) End(context.Context) error              { return nil }
func (alone) Settle(context.Context, *Outcome) error { return nil }
func (alone) Note(*report.Round)                     {}

// Companions work beside a trial together. They end in order: an earlier one may wait for
// something that the later ones must still keep going.
type Companions []Companion

// Begin begins all. If one fails, it stops there.
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

// Settle settles all. If one fails, it stops there.
func (companions Companions) Settle(ctx context.Context, outcome *Outcome) error {
	for _, companion := range companions {
		if err := companion.Settle(ctx, outcome); err != nil {
			return err
		}
	}
	return nil
}

// Note lets each companion write its figures.
func (companions Companions) Note(round *report.Round) {
	for _, companion := range companions {
		companion.Note(round)
	}
}
