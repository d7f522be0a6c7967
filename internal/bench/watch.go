// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/internal/bench/stage"
)

// profileDurations is the length of a profiled round. A profile has a hundred samples a
// second, so it needs more than one.
const profileDurations = 5

// watching is a kind of further round, in which the sidecar of a trial is watched.
type watching struct {
	name     string
	duration time.Duration
	concerns func(stage.Trial) bool
	round    func(ctx context.Context, stage *stage.Stage, trial stage.Trial, duration time.Duration, result *report.Result) error
}

// watchings returns the further rounds that the settings ask for.
func (settings *Settings) watchings() (asked []watching) {
	if settings.Syscalls {
		asked = append(asked, watching{"system calls", settings.Duration, stage.Trial.HasSyscalls, countSyscalls})
	}
	if settings.Profile != "" {
		asked = append(asked, watching{"profile", profileDurations * settings.Duration, stage.Trial.HasSidecar, profile})
	}
	return asked
}

// watch measures further rounds, in which the sidecars are watched. That slows them, so the
// figures of these rounds are dropped. A round that fails does not end the run: a line names
// the round and the reason.
func (runner *runner) watch(ctx context.Context, trials []stage.Trial, results []report.Result) error {
	for _, watching := range runner.settings.watchings() {
		for index, trial := range trials {
			if !watching.concerns(trial) {
				continue
			}
			runner.progress.Measuring(watching.name, trial, runner.settings.cost(trial, watching.duration))
			err := watching.round(ctx, runner.stage, trial, watching.duration, &results[index])
			if err != nil && ctx.Err() != nil {
				return err
			}
			if err != nil {
				runner.progress.Note("%s: %s missing: %v", trial, watching.name, err)
			}
		}
	}
	return nil
}

func countSyscalls(ctx context.Context, stage *stage.Stage, trial stage.Trial, duration time.Duration, result *report.Result) (err error) {
	result.Syscalls, err = stage.CountSyscalls(ctx, trial, duration, nextSeed(result))
	return err
}

func profile(ctx context.Context, stage *stage.Stage, trial stage.Trial, duration time.Duration, result *report.Result) error {
	return stage.Profile(ctx, trial, duration, nextSeed(result))
}

// nextSeed numbers a round after the measured ones.
func nextSeed(result *report.Result) uint64 { return uint64(len(result.Rounds) + 1) }

// watchCost is the time of the further rounds of a trial.
func (settings *Settings) watchCost(trial stage.Trial) (cost time.Duration) {
	for _, watching := range settings.watchings() {
		if watching.concerns(trial) {
			cost += settings.cost(trial, watching.duration)
		}
	}
	return cost
}
