// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

const (
	// mostFilling is the number of writes in flight while a store is filled, if their
	// values fit into fillingBytes together.
	mostFilling  = 4096
	fillingBytes = 16 << 20
)

// fillingInFlight returns the number of writes in flight for values of a size.
func fillingInFlight(valueBytes int) int { return max(min(mostFilling, fillingBytes/valueBytes), 1) }

// Fill starts the sidecar and writes every key of a size once.
func (stage *Stage) Fill(ctx context.Context, size Size, progress *report.Progress) (round report.Round, err error) {
	trial := size.trial("fill", verbSet, stage.config.ValueBytes)
	trial.InFlight = fillingInFlight(trial.ValueBytes)
	if err := stage.require(ctx, trial); err != nil {
		return round, err
	}
	progress.Tell("%s: filling", size)
	companion := &load.Filling{Keys: size.Keys, Tell: tellWritten(progress, size)}
	round, err = stage.measureBeside(ctx, trial, stage.loopOf(trial, 0, 0), companion)
	if err == nil && round.Errors > 0 {
		err = fmt.Errorf("%d of %d writes failed, the first with: %s", round.Errors, size.Keys, round.Error)
	}
	stage.last = trial
	return round, err
}

// tellWritten returns a function that shows the number of written keys.
func tellWritten(progress *report.Progress, size Size) func(written int) {
	return func(written int) { progress.Say("%s: %s written", size, report.Thousands(float64(written))) }
}

// Holds returns the memory of the sidecar, and the sizes of its files.
func (stage *Stage) Holds() (memory *report.Memory, files report.Files, err error) {
	if files.Database, err = fileBytes(stage.databasePath(targetScale)); err != nil {
		return nil, files, err
	}
	files.Log, err = fileBytes(stage.databasePath(targetScale) + "-wal")
	return memoryOf(stage.sidecars[targetScale].process.pid()), files, ignoreMissing(err)
}

func fileBytes(path string) (uint64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return uint64(info.Size()), nil
}

// RemoveSize ends the sidecar of a size, and removes its store.
func (stage *Stage) RemoveSize() error {
	stage.sidecars[targetScale].process.kill()
	delete(stage.sidecars, targetScale)
	return os.RemoveAll(filepath.Dir(stage.databasePath(targetScale)))
}
