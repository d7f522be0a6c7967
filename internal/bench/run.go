// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/internal/bench/stage"
)

// The estimate adds overhead to the duration of each measurement, and preparation once for
// the run.
const (
	overhead    = 120 * time.Millisecond
	preparation = 5 * time.Second
	// longTime is the estimated time to write one key of long work.
	longTime = 20 * time.Microsecond
)

// Run measures, and prints the report to output. It writes its progress to errorOutput. If
// it is interrupted, it reports the complete rounds. If the settings name an earlier run,
// it measures nothing and reports that one.
//
//	err := bench.Run(ctx, settings, os.Stdout, os.Stderr)
func Run(ctx context.Context, settings Settings, output, errorOutput io.Writer) error {
	find := settings.measured
	if settings.From != "" {
		find = settings.earlier
	}
	result, err := find(ctx, report.NewProgress(errorOutput))
	if result == nil {
		return err
	}
	return errors.Join(report.Write(result, output, settings.Format), settings.writeCharts(result), err)
}

// earlier reads the run that the settings name.
func (settings *Settings) earlier(context.Context, *report.Progress) (report.Printable, error) {
	if err := settings.makeChartFolder(); err != nil {
		return nil, err
	}
	file, err := os.Open(settings.From)
	if err != nil {
		return nil, err
	}
	read, err := report.Read(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", settings.From, err)
	}
	return read, nil
}

// measured returns the report, and may return an error beside it.
func (settings *Settings) measured(ctx context.Context, progress *report.Progress) (report.Printable, error) {
	if err := settings.check(); err != nil {
		return nil, err
	}
	if err := settings.makeChartFolder(); err != nil {
		return nil, err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	result, err := run(ctx, fail, settings, progress)
	progress.Clear()
	if err != nil {
		err = fmt.Errorf("storebus bench: %w", explained(ctx, err))
	}
	return result, err
}

// explained adds the cause of the context's end to an error, because that may say more.
func explained(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// runner measures with a stage. It belongs to the goroutine of Run.
type runner struct {
	settings *Settings
	stage    *stage.Stage
	progress *report.Progress
	began    time.Time
}

// run starts the parts, measures, and ends the parts again, even after an error.
func run(ctx context.Context, fail context.CancelCauseFunc, settings *Settings, progress *report.Progress) (result report.Printable, err error) {
	began := time.Now()
	progress.Tell("%s", settings.announcement())
	opened, err := stage.Open(ctx, fail, settings.Config)
	defer func() { err = errors.Join(err, opened.Close()) }()
	if err != nil {
		return nil, err
	}
	opened.NoteMemory(progress)
	runner := &runner{settings: settings, stage: opened, progress: progress, began: began}
	if len(settings.Scale) > 0 {
		return runner.measureSizes(ctx)
	}
	return runner.compare(ctx)
}

// announcement describes the measurement in one line.
func (settings *Settings) announcement() string {
	if sizes := len(settings.sizes()); sizes > 0 {
		return fmt.Sprintf("%d sizes, each filled, then %d rounds of %s each of gets and of sets after a warm-up", sizes, settings.Rounds, settings.Duration)
	}
	trials := settings.plan()
	return fmt.Sprintf("%d cases, %d rounds of %s each after a warm-up: about %s", len(trials), settings.Rounds, settings.Duration, settings.estimate(trials))
}

// compare measures the cases. It fills all stores, then warms up every case, then measures
// the rounds.
func (runner *runner) compare(ctx context.Context) (report.Printable, error) {
	trials, err := runner.stage.Prepare(ctx, runner.settings.plan(), runner.progress)
	if err != nil {
		return nil, err
	}
	results, err := runner.rounds(ctx, trials)
	if len(results) == 0 {
		return nil, err
	}
	if err == nil {
		err = runner.watch(ctx, trials, results)
	}
	return runner.report(results), err
}

// estimate is the time of a run, with some time for the preparations.
func (settings *Settings) estimate(trials []stage.Trial) time.Duration {
	total := preparation
	for _, trial := range trials {
		total += settings.cost(trial, settings.warmUp()) + time.Duration(settings.Rounds)*settings.cost(trial, settings.Duration) + settings.watchCost(trial)
	}
	return total.Round(time.Second)
}

// cost is the time to measure a trial once for a duration.
func (settings *Settings) cost(trial stage.Trial, duration time.Duration) time.Duration {
	if trial.HasLongWork() {
		duration += longTime * time.Duration(settings.LongKeys)
	}
	return duration + overhead
}

// rounds measures every trial in turn, round after round. The first round is the warm-up
// and does not count. If it is interrupted, it returns the complete rounds beside the
// error.
func (runner *runner) rounds(ctx context.Context, trials []stage.Trial) ([]report.Result, error) {
	runner.progress.Plan(runner.settings.estimate(trials) - preparation)
	var rounds [][]report.Round
	if _, err := runner.wholeRound(ctx, trials, "warm-up", 0); err != nil {
		return nil, err
	}
	for number := 1; number <= runner.settings.Rounds; number++ {
		round, err := runner.wholeRound(ctx, trials, fmt.Sprintf("round %d of %d", number, runner.settings.Rounds), number)
		switch {
		case errors.Is(err, ErrInterrupted):
			return resultsOf(trials, rounds), err
		case err != nil:
			return nil, err
		}
		rounds = append(rounds, round)
	}
	return resultsOf(trials, rounds), nil
}

// wholeRound measures every trial once. Number 0 is the warm-up.
func (runner *runner) wholeRound(ctx context.Context, trials []stage.Trial, name string, number int) ([]report.Round, error) {
	duration := runner.settings.Duration
	if number == 0 {
		duration = runner.settings.warmUp()
	}
	rounds := make([]report.Round, len(trials))
	for index, trial := range trials {
		runner.progress.Measuring(name, trial, runner.settings.cost(trial, duration))
		var err error
		if rounds[index], err = runner.stage.Measure(ctx, trial, duration, uint64(number)); err != nil {
			return nil, fmt.Errorf("%s: %w", trial, err)
		}
	}
	return rounds, nil
}

// resultsOf groups rounds of trials by trial.
func resultsOf(trials []stage.Trial, rounds [][]report.Round) []report.Result {
	if len(rounds) == 0 {
		return nil
	}
	results := make([]report.Result, len(trials))
	for index, trial := range trials {
		own := make([]report.Round, len(rounds))
		for number := range rounds {
			own[number] = rounds[number][index]
		}
		results[index] = trial.Result(own)
	}
	return results
}

// report builds the report of a run that ends now.
func (runner *runner) report(results []report.Result) *report.Report {
	settings := runner.settings
	return &report.Report{
		Header: headerOf(runner, report.Setup{
			Rounds: len(results[0].Rounds), RoundSeconds: settings.Duration.Seconds(), InFlight: settings.InFlight, Keys: settings.Keys,
			LongKeys: settings.LongKeys, ValueBytes: settings.ValueBytes, Connections: settings.Connections,
			Durability: runner.stage.Durability(), OutsideBroker: settings.NATSURL != "",
		}),
		Cases:  results,
		Ratios: report.Ratios(results),
	}
}

// headerOf begins the report of a run that ends now.
func headerOf[Settings any](runner *runner, setup Settings) report.Header[Settings] {
	return report.Header[Settings]{
		Machine: runner.stage.Machine(), BeganAt: runner.began.UTC(), Seconds: time.Since(runner.began).Seconds(), Setup: setup,
	}
}
