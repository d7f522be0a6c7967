// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// measureSizes measures one size after the other. Where one fails or is interrupted,
// those that were complete are reported besides the error.
func (stage *stage) measureSizes(ctx context.Context, began time.Time, progress *progress) (printable, error) {
	var results []SizeResult
	for _, size := range stage.settings.sizes() {
		result, err := stage.measureSize(ctx, size, progress)
		if err != nil {
			err = fmt.Errorf("%s: %w", size, err)
			if len(results) == 0 {
				return nil, err
			}
			return newScaleReport(stage, began, results), err
		}
		results = append(results, *result)
	}
	return newScaleReport(stage, began, results), nil
}

// measureSize fills a store, measures it, and removes it.
func (stage *stage) measureSize(ctx context.Context, size size, progress *progress) (*SizeResult, error) {
	result := &SizeResult{Keys: size.keys, Namespaces: size.namespaces, Groups: size.groups}
	for _, step := range []func() error{
		func() error { return stage.fill(ctx, size, result, progress) },
		func() error { return stage.measureRequests(ctx, size, result, progress) },
		func() (err error) { result.Memory, result.Files, err = stage.sizeNow(); return err },
		func() error { return stage.awaitCheckpoints(ctx) },
		func() (err error) { result.Pages, err = stage.measurePages(ctx, size); return err },
		func() (err error) {
			progress.tell("%s: a SIGKILL amid sets", size)
			result.Recovery, err = stage.measureRecovery(ctx, size)
			return err
		},
		func() error { return stage.removeSidecar(targetScale) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// fill starts the sidecar and writes every key of a size once.
func (stage *stage) fill(ctx context.Context, size size, result *SizeResult, progress *progress) (err error) {
	trial := size.trial("fill", verbSet, stage.settings.ValueBytes)
	trial.inFlight = fillingInFlight(trial.valueBytes)
	if err := stage.require(ctx, trial); err != nil {
		return err
	}
	progress.tell("%s: filling", size)
	companion := newFilling(progress, size.String(), size.keys)
	result.Fill, err = stage.measureBeside(ctx, trial, stage.loadOf(trial, 0, 0), companion)
	if err == nil && result.Fill.Errors > 0 {
		err = fmt.Errorf("%d of %d writes failed, the first with: %s", result.Fill.Errors, size.keys, result.Fill.Error)
	}
	stage.last = trial
	return err
}

// measureRequests measures gets of any key in rounds, and then sets.
func (stage *stage) measureRequests(ctx context.Context, size size, result *SizeResult, progress *progress) error {
	for _, measured := range []struct {
		name   string
		verb   verb
		result *Result
	}{{"get", verbGet, &result.Get}, {"set", verbSet, &result.Set}} {
		progress.tell("%s: %ss", size, measured.name)
		results, err := stage.rounds(ctx, []trial{size.trial(measured.name, measured.verb, stage.settings.ValueBytes)}, progress)
		if err != nil {
			return err
		}
		*measured.result = results[0]
	}
	return nil
}

// sizeNow gives the memory of the sidecar, and the sizes of its files.
func (stage *stage) sizeNow() (memory *Memory, files Files, err error) {
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

// removeSidecar ends a sidecar whose store nobody needs any more, and removes that.
func (stage *stage) removeSidecar(target target) error {
	stage.sidecars[target].process.kill()
	delete(stage.sidecars, target)
	return os.RemoveAll(filepath.Dir(stage.databasePath(target)))
}
