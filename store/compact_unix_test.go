// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// killedEntries is how many entries there are when a process is killed.
const killedEntries = 1500

// TestCompact_Kill_Ugly kills a process at each step of a compaction.
func TestCompact_Kill_Ugly(t *testing.T) {
	t.Parallel()
	if folder := os.Getenv(killFolder); folder != "" {
		compactAndDie(t, folder, os.Getenv(killStep))
		return
	}
	for at, step := range compactionSteps {
		t.Run(step, func(t *testing.T) {
			folder := t.TempDir()
			archives := filepath.Join(folder, "archive")
			require.NoError(t, os.Mkdir(archives, 0o700))
			process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCompact_Kill_Ugly$")
			process.Env = append(os.Environ(), killFolder+"="+folder, killStep+"="+step)
			output, err := process.CombinedOutput()
			var failure *exec.ExitError
			require.ErrorAs(t, err, &failure, "it ended: %s", output)
			status, ok := failure.Sys().(syscall.WaitStatus)
			require.True(t, ok)
			require.Equal(t, syscall.SIGKILL, status.Signal(), "%s", output)

			opened := openStore(t, killConfig(folder))
			archived := requireArchivedOnce(t, opened, archives, killedEntries)
			assert.Equal(t, at >= 6, archived == killedEntries)
			compact(t, opened, archives)
			assert.Equal(t, killedEntries, requireArchivedOnce(t, opened, archives, killedEntries))
			assert.Len(t, files(t, archives), 1)
			requireRows(t, opened, 0)
		})
	}
}

func compactAndDie(t *testing.T, folder, at string) {
	t.Helper()
	opened, err := store.NewConfigured(killConfig(folder))
	require.NoError(t, err)
	journalMany(t, opened, "acme", 0, killedEntries)
	require.NoError(t, store.FailCompactions(opened, func(step string) {
		if step == at {
			assert.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
		}
	}))
	_, err = opened.Compact(store.CompactOptions{Before: time.Now(), Output: filepath.Join(folder, "archive")})
	require.NoError(t, err)
	requireRows(t, opened, 0)
}

func TestCompact_DiskFull_Ugly(t *testing.T) {
	if !inProcessOfItsOwn(t) {
		return
	}
	opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
	random := rand.NewChaCha8([32]byte{})
	for range 60 {
		noise := make([]byte, 20_000)
		_, _ = random.Read(noise)
		_, err := opened.CommitToJournal("m", map[string]any{"text": fmt.Sprintf("%x", noise)}, nil)
		require.NoError(t, err)
	}
	for _, size := range []int64{0, 1 << 10, 1 << 20} {
		lift := limitFileSizes(t, size)
		_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
		lift()
		require.ErrorIs(t, err, store.ErrUnavailable)
		assert.Empty(t, files(t, folder))
		require.NoError(t, store.KeepHouse(opened)) // the disk is looked at again
		status, err := opened.Status()
		require.NoError(t, err)
		assert.Equal(t, []any{true, int64(60)}, []any{status.Writable, status.Journal.Pending})
	}
	compaction := compact(t, opened, folder)
	assert.Equal(t, int64(60), compaction.Entries)
	assert.True(t, strings.HasSuffix(files(t, folder)[0], ".gz"))
}
