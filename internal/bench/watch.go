// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/internal/bench/stage"
)

// watch measures further rounds, in which the sidecars are watched. That slows them, so it
// never happens in a round that counts, and the figures of these rounds are dropped. If it
// fails, the figures of the run are worth more: a line says what is missing.
func (runner *runner) watch(ctx context.Context, trials []stage.Trial, results []report.Result) error {
	for index, trial := range trials {
		if !runner.settings.countsSyscalls(trial) {
			continue
		}
		runner.progress.Measuring("system calls", trial, runner.settings.watchCost(trial))
		calls, err := runner.stage.CountSyscalls(ctx, trial, runner.settings.Duration, uint64(len(results[index].Rounds)+1))
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			runner.progress.Note("%s: its system calls are missing: %v", trial, err)
		}
		results[index].Syscalls = calls
	}
	return nil
}

func (settings *Settings) countsSyscalls(trial stage.Trial) bool {
	return settings.Syscalls && trial.HasSyscalls()
}

// watchCost is the time of the further rounds of a trial.
func (settings *Settings) watchCost(trial stage.Trial) time.Duration {
	if !settings.countsSyscalls(trial) {
		return 0
	}
	return settings.cost(trial, settings.Duration)
}
