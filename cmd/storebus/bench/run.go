// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// What a measurement takes besides its duration, and what comes before the first, for
// the estimate.
const (
	overhead    = 120 * time.Millisecond
	preparation = 5 * time.Second
)

// Run measures, and prints the report. How far it is goes to errorOutput. Of a run
// that is interrupted the rounds are reported that were complete.
//
//	err := bench.Run(ctx, settings, os.Stdout, os.Stderr)
func Run(ctx context.Context, settings Settings, output, errorOutput io.Writer) error {
	return measure(ctx, &settings, output, newProgress(errorOutput))
}

// measure is Run with a progress.
func measure(ctx context.Context, settings *Settings, output io.Writer, progress *progress) error {
	if err := settings.check(); err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	report, err := run(ctx, fail, settings, progress)
	progress.clear()
	if err != nil {
		err = fmt.Errorf("storebus bench: %w", explained(ctx, err))
	}
	if report == nil {
		return err
	}
	return errors.Join(write(report, output, settings.Format), err)
}

// explained says why the context has ended, which may say more than what failed
// because of it.
func explained(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// run is the order of things: what is needed is started, then it is measured; whatever
// happens, everything is ended again.
func run(ctx context.Context, fail context.CancelCauseFunc, settings *Settings, progress *progress) (report printable, err error) {
	began := time.Now()
	progress.tell("%s", settings.announcement())
	stage, err := openStage(ctx, fail, settings)
	defer func() { err = errors.Join(err, stage.close()) }()
	if err != nil {
		return nil, err
	}
	if stage.fsync < memoryFsync {
		progress.note("an fsync takes %s in %s: nothing is on disk there; name another folder with --directory", stage.fsync, stage.directory)
	}
	if len(settings.Scale) > 0 {
		return stage.measureSizes(ctx, began, progress)
	}
	return stage.compare(ctx, began, progress)
}

// announcement says what will be measured.
func (settings *Settings) announcement() string {
	if sizes := len(settings.sizes()); sizes > 0 {
		return fmt.Sprintf("%d sizes, each filled, then %d rounds of %s each of gets and of sets after a warm-up", sizes, settings.Rounds, settings.Duration)
	}
	trials := settings.plan()
	return fmt.Sprintf("%d cases, %d rounds of %s each after a warm-up: about %s", len(trials), settings.Rounds, settings.Duration, settings.estimate(trials))
}

// compare measures the cases: everything is filled, then every case warms up, then
// come the rounds.
func (stage *stage) compare(ctx context.Context, began time.Time, progress *progress) (printable, error) {
	trials, err := stage.prepare(ctx, stage.settings.plan(), progress)
	if err != nil {
		return nil, err
	}
	results, err := stage.rounds(ctx, trials, progress)
	if len(results) == 0 {
		return nil, err
	}
	return newReport(stage, began, results), err
}

// estimate is how long a run takes, with some time for the preparations.
func (settings *Settings) estimate(trials []trial) time.Duration {
	total := preparation
	for _, trial := range trials {
		total += settings.cost(trial, settings.warmUp()) + time.Duration(settings.Rounds)*settings.cost(trial, settings.Duration)
	}
	return total.Round(time.Second)
}

// cost is how long it takes to measure a trial once for a time.
func (settings *Settings) cost(trial trial, duration time.Duration) time.Duration {
	if trial.work != "" {
		duration += longTime * time.Duration(settings.LongKeys)
	}
	return duration + overhead
}

// rounds measures every trial in turn, round after round. The first round of all is
// the warm-up and does not count. Where it is interrupted it gives the rounds that
// were complete besides the error.
func (stage *stage) rounds(ctx context.Context, trials []trial, progress *progress) ([]Result, error) {
	progress.began, progress.spent, progress.planned = time.Now(), 0, stage.settings.estimate(trials)-preparation
	var rounds [][]Round
	if _, err := stage.wholeRound(ctx, trials, "warm-up", 0, progress); err != nil {
		return nil, err
	}
	for number := 1; number <= stage.settings.Rounds; number++ {
		round, err := stage.wholeRound(ctx, trials, fmt.Sprintf("round %d of %d", number, stage.settings.Rounds), number, progress)
		switch {
		case errors.Is(err, errInterrupted):
			return resultsOf(trials, rounds), err
		case err != nil:
			return nil, err
		}
		rounds = append(rounds, round)
	}
	return resultsOf(trials, rounds), nil
}

// wholeRound measures every trial once. Number 0 is the warm-up.
func (stage *stage) wholeRound(ctx context.Context, trials []trial, name string, number int, progress *progress) ([]Round, error) {
	duration := stage.settings.Duration
	if number == 0 {
		duration = stage.settings.warmUp()
	}
	rounds := make([]Round, len(trials))
	for index, trial := range trials {
		progress.measuring(name, trial, stage.settings.cost(trial, duration))
		var err error
		if rounds[index], err = stage.oneRound(ctx, trial, duration, uint64(number)); err != nil {
			return nil, fmt.Errorf("%s: %w", trial, err)
		}
	}
	return rounds, nil
}

// resultsOf turns rounds of trials into trials with their rounds.
func resultsOf(trials []trial, rounds [][]Round) []Result {
	if len(rounds) == 0 {
		return nil
	}
	results := make([]Result, len(trials))
	for index, trial := range trials {
		own := make([]Round, len(rounds))
		for number := range rounds {
			own[number] = rounds[number][index]
		}
		results[index] = newResult(trial, own)
	}
	return results
}

// oneRound measures a trial once it is quiet.
func (stage *stage) oneRound(ctx context.Context, trial trial, duration time.Duration, seed uint64) (Round, error) {
	if err := stage.quieten(ctx, trial); err != nil {
		return Round{}, err
	}
	return stage.measure(ctx, trial, duration, seed)
}
