// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/stage"
)

func TestWatch_Run_Good_Syscalls(t *testing.T) {
	t.Parallel()
	if err := stage.CheckTracer(); err != nil {
		t.Skip(err)
	}
	settings := shortSettings(t, "set", "get", "kv-put")
	settings.Syscalls = true
	found, progress := runReport(t, settings)
	checkResults(t, found)
	if progress != "" {
		t.Skip("this process may not trace another: " + progress)
	}
	for _, result := range found.Cases {
		if result.Name != "set" {
			assert.Empty(t, result.Syscalls, result.Name)
			continue
		}
		require.NotEmpty(t, result.Syscalls)
		assert.Positive(t, result.Syscalls["fsync"])
		assert.Len(t, result.Rounds, settings.Rounds, "the traced round does not count")
	}
}

// compressed begins every file in the format of pprof.
const compressed = "\x1f\x8b"

func TestWatch_Run_Good_Profile(t *testing.T) {
	t.Parallel()
	settings := shortSettings(t, "set", "embedded-get", "kv-put")
	settings.Profile = filepath.Join(t.TempDir(), "a folder", "profiles")
	found, progress := runReport(t, settings)
	checkResults(t, found)
	assert.Empty(t, progress)
	written, err := os.ReadDir(settings.Profile)
	require.NoError(t, err)
	var names []string
	for _, file := range written {
		names = append(names, file.Name())
		content, err := os.ReadFile(filepath.Join(settings.Profile, file.Name()))
		require.NoError(t, err)
		assert.Equal(t, compressed, string(content[:2]), file.Name())
	}
	assert.Equal(t, []string{"embedded-get-8-16KiB.pprof", "set-8-16KiB.pprof"}, names)
}

func TestWatch_Run_Bad_Profile(t *testing.T) {
	t.Parallel()
	t.Run("NoFolder", func(t *testing.T) {
		settings := shortSettings(t, "set")
		settings.Profile = filepath.Join(settings.Program, "profiles") // below a file
		err := Run(t.Context(), settings, io.Discard, io.Discard)
		assert.ErrorContains(t, err, "the folder for profiles cannot be made: ")
	})
	t.Run("NoFile", func(t *testing.T) {
		settings := shortSettings(t, "set")
		settings.Profile = t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(settings.Profile, "set-8-16KiB.pprof"), 0o700))
		found, progress := runReport(t, settings)
		checkResults(t, found)
		assert.Contains(t, progress, "set, 8 in flight, 16 KiB: profile missing: sidecar-outside: open ")
	})
}

func TestWatch_WatchCost_Good(t *testing.T) {
	settings := validSettings()
	settings.Cases, settings.Syscalls = []string{"get", "set"}, true
	trials := settings.plan()
	assert.Zero(t, settings.watchCost(trials[0]), trials[0])
	assert.Equal(t, DefaultDuration+overhead, settings.watchCost(trials[1]), trials[1])
	settings.Profile = "folder"
	assert.Equal(t, profileDurations*DefaultDuration+overhead, settings.watchCost(trials[0]), trials[0])
	assert.Equal(t, (1+profileDurations)*DefaultDuration+2*overhead, settings.watchCost(trials[1]), trials[1])
}

// A strace that cannot attach costs the count, and not the figures.
func TestWatch_Run_Bad_Syscalls(t *testing.T) {
	folder := t.TempDir()
	fake := "#!/bin/sh\necho 'strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted' >&2\nexit 1\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "strace"), []byte(fake), 0o700))
	settings := shortSettings(t, "set")
	t.Setenv("PATH", folder)
	if stage.CheckTracer() != nil {
		t.Skip("this system starts no scripts")
	}
	settings.Syscalls = true
	found, progress := runReport(t, settings)
	checkResults(t, found)
	assert.Contains(t, progress, "set, 8 in flight, 16 KiB: system calls missing: strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n")
	assert.Nil(t, found.Cases[0].Syscalls)
}
