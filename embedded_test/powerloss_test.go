// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// recordedRun is a sidecar that has ended, with its changes to its files and the replies to
// its clients.
type recordedRun struct {
	// root has the database, its workspaces and its archives.
	root      string
	recording *recording
	promises  []promise
	filed     *filedWork
	// losses is how many moments of each kind are looked at.
	losses int
}

// The names of the database and of the folder of archives, within the root of a run.
const (
	recordedDatabase = "storebus.db"
	recordedArchives = "archives"
)

// recordRun runs a sidecar on a new database: a burst of writes, a pause in which the
// write-ahead log is emptied, another burst, and SIGTERM.
func recordRun(t *testing.T, random *rand.Rand, durability string, losses int) *recordedRun {
	t.Helper()
	const setsPerClient = 40
	outside := startBroker(t, "127.0.0.1:0")
	run := &recordedRun{root: memoryFolder(t), losses: losses}
	database := filepath.Join(run.root, recordedDatabase)
	trace := filepath.Join(t.TempDir(), "trace")
	sidecar := startTraced(t, outside.URL(), database, trace, recordingOptions,
		"--durability", durability, "--archive-directory", filepath.Join(run.root, recordedArchives))
	run.filed = newFiledWork(t, outside.URL())
	burst := func() {
		var filing sync.WaitGroup
		filing.Go(func() { run.filed.work(t) })
		run.promises = append(run.promises, setConcurrently(t, outside.URL(), random, times(setsPerClient))...)
		filing.Wait()
	}
	burst()
	await(t, "the write-ahead log to be emptied", func() bool {
		info, err := os.Stat(database + "-wal")
		require.NoError(t, err)
		return info.Size() == 0
	})
	burst()
	require.Zero(t, sidecar.terminate(t))
	require.Len(t, kept(run.promises, time.Now()), 2*setsPerClient*promiseClients, "every set is a success")
	run.recording = newRecording(t, run.root, trace)
	run.verifyRecording(t)
	return run
}

// files are the files that count, as they are on disk.
func (run *recordedRun) files(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(run.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isRecorded(path) {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	}))
	return files
}

// await polls until happened returns true. It is for conditions that nothing announces.
func await(t *testing.T, what string, happened func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !happened() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			require.NoError(t, ctx.Err(), "waited in vain for %s", what)
		}
	}
}

// verifyRecording checks that the recording is complete: applied as a whole it gives the
// files on disk.
func (run *recordedRun) verifyRecording(t *testing.T) {
	t.Helper()
	recorded, found := run.recording.carryOut(run.recording.effects), run.files(t)
	require.ElementsMatch(t, slices.Collect(maps.Keys(found)), slices.Collect(maps.Keys(recorded)))
	for name, content := range found {
		require.True(t, bytes.Equal(content, recorded[name]), "the recording is not what was done to %s", name)
	}
}

// eachImage builds the images of every moment. It passes each to verify, with the promises
// that the image breaks.
func (run *recordedRun) eachImage(t *testing.T, random *rand.Rand, verify func(t *testing.T, image *image, lost []string)) {
	t.Helper()
	moments, images, partial := run.moments(random), 0, 0
	for number, moment := range moments {
		promised := kept(run.promises, moment)
		for _, image := range run.recording.imagesAt(moment, random) {
			t.Run(fmt.Sprintf("%02d%s", number, image.label), func(t *testing.T) {
				t.Cleanup(func() {
					if t.Failed() {
						t.Logf("%d sets acknowledged; %s", len(promised), image.describe())
					}
				})
				image.write(t, run.root)
				var lost []string
				logs := verifyStore(t, filepath.Join(run.root, recordedDatabase), func(opened *store.Store) {
					lost = run.filed.missing(t, opened, filepath.Join(run.root, recordedArchives), moment)
				})
				verify(t, &image, append(lost, missing(promised, logs)...))
			})
			images++
			partial += min(image.missing, 1)
		}
	}
	t.Logf("%d sets and %s acknowledged, %d effects, %d fsyncs; %d images at %d moments, %d of them with something missing",
		len(run.promises), run.filed, len(run.recording.effects), run.recording.syncs, images, len(moments), partial)
	require.NotZero(t, partial, "no moment had anything to lose")
}

// moments returns the times at which the power fails, spread over the run. They are right
// after acknowledgements, right after changes to the database, to its newest commits, to the write-ahead
// log, to workspaces and to archives, and after the end. So some are in the middle of commits and
// checkpoints, and of files that are made or removed.
func (run *recordedRun) moments(random *rand.Rand) []time.Time {
	var moments []time.Time
	for _, index := range spread(random, len(run.promises), 2*run.losses) {
		moments = append(moments, run.promises[index].received)
	}
	database := filepath.Join(run.root, recordedDatabase)
	for _, prefix := range []string{database, database + "-wal", database + ".commits", database + ".workspaces/", filepath.Join(run.root, recordedArchives) + "/"} {
		changed := slices.DeleteFunc(slices.Clone(run.recording.effects), func(effect *effect) bool {
			isOne := effect.name == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(effect.name, prefix)
			return !isOne || effect.began.Before(run.promises[0].received)
		})
		for _, index := range spread(random, len(changed), run.losses) {
			moments = append(moments, changed[index].ended)
		}
	}
	return append(moments, time.Now())
}

// spread divides the numbers below limit into parts, and chooses one number from each.
func spread(random *rand.Rand, limit, parts int) []int {
	var chosen []int
	for part := range parts {
		from, to := limit*part/parts, limit*(part+1)/parts
		if from < to {
			chosen = append(chosen, from+random.IntN(to-from))
		}
	}
	return chosen
}
