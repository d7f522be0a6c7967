// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"

	"dappco.re/go/storebus/internal/bench/report"
)

// companion is what goes on beside the loop of a trial. Each of its methods may be a
// part of the measured time, see measure.
type companion interface {
	// begin is called before the clock starts, and may change the loop.
	begin(ctx context.Context, loop *loop) error
	// end is called after the last reply, before the drain.
	end(ctx context.Context) error
	// settle is called after the drain, and waits for what must still arrive.
	settle(ctx context.Context, outcome *outcome) error
	// note writes what it has seen into the round, after the clock has stopped.
	note(round *report.Round)
}

// alone is the companion of a trial without one.
type alone struct{}

func (alone) begin(context.Context, *loop) error     { return nil }
func (alone) end(context.Context) error              { return nil }
func (alone) settle(context.Context, *outcome) error { return nil }
func (alone) note(*report.Round)                     {}

// companions go on beside a trial together. They end in their order: what comes first
// may wait for something that the others have to go on beside.
type companions []companion

func (companions companions) begin(ctx context.Context, loop *loop) error {
	for _, companion := range companions {
		if err := companion.begin(ctx, loop); err != nil {
			return err
		}
	}
	return nil
}

func (companions companions) end(ctx context.Context) error {
	var failures []error
	for _, companion := range companions {
		failures = append(failures, companion.end(ctx))
	}
	return errors.Join(failures...)
}

func (companions companions) settle(ctx context.Context, outcome *outcome) error {
	for _, companion := range companions {
		if err := companion.settle(ctx, outcome); err != nil {
			return err
		}
	}
	return nil
}

func (companions companions) note(round *report.Round) {
	for _, companion := range companions {
		companion.note(round)
	}
}
