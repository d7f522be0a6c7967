// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/internal/bench/stage"
)

// measureSizes measures one size after the other. If one fails or is interrupted, it
// returns the complete ones beside the error.
func (runner *runner) measureSizes(ctx context.Context) (report.Printable, error) {
	var results []report.SizeResult
	for _, size := range runner.settings.sizes() {
		result, err := runner.measureSize(ctx, size)
		if err != nil {
			err = fmt.Errorf("%s: %w", size, err)
			if len(results) == 0 {
				return nil, err
			}
			return runner.scaleReport(results), err
		}
		results = append(results, *result)
	}
	return runner.scaleReport(results), nil
}

// measureSize fills a store, measures it, and removes it.
func (runner *runner) measureSize(ctx context.Context, size stage.Size) (*report.SizeResult, error) {
	result := &report.SizeResult{Keys: size.Keys, Namespaces: size.Namespaces, Groups: size.Groups}
	for _, step := range []func() error{
		func() (err error) { result.Fill, err = runner.stage.Fill(ctx, size, runner.progress); return err },
		func() error { return runner.measureRequests(ctx, size, result) },
		func() (err error) { result.Memory, result.Files, err = runner.stage.Holds(); return err },
		func() error { return runner.stage.AwaitCheckpoints(ctx) },
		func() (err error) { result.Pages, err = runner.stage.Pages(ctx, size); return err },
		func() (err error) {
			runner.progress.Tell("%s: a SIGKILL amid sets", size)
			result.Recovery, err = runner.stage.Recover(ctx, size, runner.settings.Duration)
			return err
		},
		func() error { return runner.stage.RemoveSize() },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// measureRequests measures gets of any key in rounds, and then sets.
func (runner *runner) measureRequests(ctx context.Context, size stage.Size, result *report.SizeResult) error {
	for _, measured := range []struct {
		trial  stage.Trial
		result *report.Result
	}{{size.Gets(runner.settings.ValueBytes), &result.Get}, {size.Sets(runner.settings.ValueBytes), &result.Set}} {
		runner.progress.Tell("%s: %ss", size, measured.trial.Name)
		results, err := runner.rounds(ctx, []stage.Trial{measured.trial})
		if err != nil {
			return err
		}
		*measured.result = results[0]
	}
	return nil
}

// scaleReport builds the report of a run that ends now.
func (runner *runner) scaleReport(sizes []report.SizeResult) *report.ScaleReport {
	settings := runner.settings
	report.CompareSizes(sizes)
	return &report.ScaleReport{
		Header: headerOf(runner, report.ScaleSetup{
			Rounds: settings.Rounds, RoundSeconds: settings.Duration.Seconds(), InFlight: stage.SizeInFlight, ValueBytes: settings.ValueBytes,
			Connections: settings.Connections, Durability: runner.stage.Durability(), OutsideBroker: settings.NATSURL != "",
		}),
		Sizes: sizes,
	}
}
