// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/stage"
)

func TestWatch_Run_Good_Syscalls(t *testing.T) {
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

func TestWatch_WatchCost_Good(t *testing.T) {
	settings := validSettings()
	settings.Cases, settings.Syscalls = []string{"get", "set"}, true
	trials := settings.plan()
	assert.Zero(t, settings.watchCost(trials[0]), trials[0])
	assert.Equal(t, DefaultDuration+overhead, settings.watchCost(trials[1]), trials[1])
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
	assert.Contains(t, progress, "set, 8 in flight, 16 KiB: its system calls are missing: strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted: exit status 1")
	assert.Nil(t, found.Cases[0].Syscalls)
}
