// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dappco.re/go/storebus/internal/bench/load"
)

// quietTimeout bounds the time in which a store must empty its write-ahead log. It is a
// little more than the store needs to notice that it is idle.
const quietTimeout = 3 * time.Second

// quieten makes sure that a trial does not pay for the one before it. Its time counts for
// neither, because the drain has already reported that nothing is left to do. It fsyncs the
// files of JetStream, so that the fsyncs of a store do not write them. If only the last
// trial wrote to a store, it waits until the idle stores have emptied their write-ahead
// logs.
func (stage *Stage) quieten(ctx context.Context, next Trial) error {
	last := stage.last
	stage.last = next
	switch {
	case last.target == targetKV && last.verb == verbPut:
		return stage.syncBroker()
	case last.writesStore() && !next.writesStore():
		return stage.AwaitCheckpoints(ctx)
	}
	return nil
}

// rest makes sure that a sidecar does no work of an earlier trial while it is watched.
func (stage *Stage) rest(ctx context.Context, next Trial) error {
	stage.last = next
	return stage.AwaitCheckpoints(ctx)
}

// syncBroker fsyncs JetStream's files. If the broker was running already, its files are not
// ours.
func (stage *Stage) syncBroker() error {
	if stage.outside.process == nil {
		return nil
	}
	return syncFiles(filepath.Join(stage.directory, outsideBroker))
}

// syncFiles fsyncs every file of a folder.
func syncFiles(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return ignoreMissing(err)
		}
		file, err := os.Open(path)
		if err != nil {
			return ignoreMissing(err)
		}
		return errors.Join(file.Sync(), file.Close())
	})
}

// ignoreMissing ignores files that the broker has removed meanwhile.
func ignoreMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// AwaitCheckpoints waits until the write-ahead logs are empty. It gives up without an error
// after quietTimeout.
func (stage *Stage) AwaitCheckpoints(ctx context.Context) error {
	began := time.Now()
	return load.Poll(ctx, func(context.Context) (bool, error) {
		return time.Since(began) > quietTimeout || stage.checkpointed(), nil
	}, func() string { return "" })
}

func (stage *Stage) checkpointed() bool {
	for target := range stage.sidecars {
		info, err := os.Stat(stage.databasePath(target) + "-wal")
		if err == nil && info.Size() > 0 {
			return false
		}
	}
	return true
}
