// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"fmt"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
)

// measureSizes measures one size after the other. Where one fails or is interrupted,
// those that were complete are reported besides the error.
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
func (runner *runner) measureSize(ctx context.Context, size size) (*report.SizeResult, error) {
	stage, result := runner.stage, &report.SizeResult{Keys: size.keys, Namespaces: size.Namespaces, Groups: size.Groups}
	for _, step := range []func() error{
		func() (err error) { result.Fill, err = stage.fill(ctx, size, runner.progress); return err },
		func() error { return runner.measureRequests(ctx, size, result) },
		func() (err error) { result.Memory, result.Files, err = stage.sizeNow(); return err },
		func() error { return stage.awaitCheckpoints(ctx) },
		func() (err error) { result.Pages, err = stage.measurePages(ctx, size); return err },
		func() (err error) {
			runner.progress.Tell("%s: a SIGKILL amid sets", size)
			result.Recovery, err = stage.measureRecovery(ctx, size, runner.settings.Duration)
			return err
		},
		func() error { return stage.remove() },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// measureRequests measures gets of any key in rounds, and then sets.
func (runner *runner) measureRequests(ctx context.Context, size size, result *report.SizeResult) error {
	for _, measured := range []struct {
		trial  trial
		result *report.Result
	}{{size.gets(runner.settings.ValueBytes), &result.Get}, {size.sets(runner.settings.ValueBytes), &result.Set}} {
		runner.progress.Tell("%s: %ss", size, measured.trial.name)
		results, err := runner.rounds(ctx, []trial{measured.trial})
		if err != nil {
			return err
		}
		*measured.result = results[0]
	}
	return nil
}

// scaleReport makes the report of a run that ends now.
func (runner *runner) scaleReport(sizes []report.SizeResult) *report.ScaleReport {
	settings := runner.settings
	report.CompareSizes(sizes)
	return &report.ScaleReport{
		Header: report.Header[report.ScaleSetup]{
			Machine: runner.stage.machine(), BeganAt: runner.began.UTC(), Seconds: time.Since(runner.began).Seconds(),
			Setup: report.ScaleSetup{
				Rounds: settings.Rounds, RoundSeconds: settings.Duration.Seconds(), InFlight: scaleInFlight, ValueBytes: settings.ValueBytes,
				Connections: settings.Connections, Durability: runner.stage.sidecarDurability(), OutsideBroker: settings.NATSURL != "",
			},
		},
		Sizes: sizes,
	}
}
