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

// quietTimeout bounds how long a store is given to empty its write-ahead log: a
// little more than it takes to notice that it is idle.
const quietTimeout = 3 * time.Second

// quieten sees to it that a trial does not pay for the one before it. It counts for
// neither, for a drain has said already that nothing is left to do: what JetStream
// has not fsynced is, so that the fsyncs of a store do not write it, and a store that
// was written to has emptied its write-ahead log, which it does when it is idle.
// Writes to a store follow each other without that pause.
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

// syncBroker has what JetStream holds on disk. The files of a broker that was there
// are not ours.
func (stage *Stage) syncBroker() error {
	if stage.outside.process == nil {
		return nil
	}
	return syncFiles(filepath.Join(stage.directory, outsideBroker))
}

// syncFiles has every file of a folder on disk.
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

// ignoreMissing passes over what the broker has removed meanwhile.
func ignoreMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// AwaitCheckpoints waits until the write-ahead logs are empty, or long enough.
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
