// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recordedRun is a sidecar that has ended, with its changes to its files and the replies to
// its clients.
type recordedRun struct {
	database  string
	recording *recording
	promises  []promise
}

// recordRun runs a sidecar on a new database: a burst of sets, a pause in which the
// write-ahead log is emptied, another burst, and SIGTERM.
func recordRun(t *testing.T, random *rand.Rand, durability string) *recordedRun {
	t.Helper()
	setsPerClient := underRace(40, 30)
	outside := startBroker(t, "127.0.0.1:0")
	run := &recordedRun{database: filepath.Join(resolvedFolder(t), "storebus.db")}
	trace := filepath.Join(t.TempDir(), "trace")
	sidecar := startTraced(t, outside.URL(), run.database, trace, recordingOptions(run.database), "--durability", durability)
	run.promises = setConcurrently(t, outside.URL(), random, times(setsPerClient))
	await(t, "the write-ahead log to be emptied", func() bool {
		info, err := os.Stat(run.database + "-wal")
		require.NoError(t, err)
		return info.Size() == 0
	})
	run.promises = append(run.promises, setConcurrently(t, outside.URL(), random, times(setsPerClient))...)
	require.Zero(t, sidecar.terminate(t))
	require.Len(t, kept(run.promises, time.Now()), 2*setsPerClient*promiseClients, "every set is a success")
	run.recording = newRecording(t, run.database, trace)
	run.verifyRecording(t)
	return run
}

// files are the database and SQLite's files beside it, as they are on disk.
func (run *recordedRun) files(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range []string{run.database, run.database + "-wal", run.database + "-journal"} {
		content, err := os.ReadFile(name)
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
			files[name] = content
		}
	}
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
	recorded, found := carryOut(run.recording.effects), run.files(t)
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
				verify(t, &image, missing(promised, verifyStore(t, image.write(t, run.database))))
			})
			images++
			partial += min(image.missing, 1)
		}
	}
	t.Logf("%d acknowledgements, %d effects, %d fsyncs; %d images at %d moments, %d of them with something missing",
		len(run.promises), len(run.recording.effects), run.recording.syncs, images, len(moments), partial)
	require.NotZero(t, partial, "no moment had anything to lose")
}

// moments returns the times at which the power fails, spread over the run. They are right
// after acknowledgements, right after changes to the database and to the write-ahead log,
// and after the end. So some are in the middle of commits and checkpoints.
func (run *recordedRun) moments(random *rand.Rand) []time.Time {
	var moments []time.Time
	for _, index := range spread(random, len(run.promises), underRace(12, 4)) {
		moments = append(moments, run.promises[index].received)
	}
	for _, name := range []string{run.database, run.database + "-wal"} {
		written := slices.DeleteFunc(slices.Clone(run.recording.effects), func(effect *effect) bool {
			return effect.name != name || effect.began.Before(run.promises[0].received)
		})
		for _, index := range spread(random, len(written), underRace(6, 2)) {
			moments = append(moments, written[index].ended)
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
