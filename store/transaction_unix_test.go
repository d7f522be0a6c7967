// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package store_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// inProcessOfItsOwn runs the test again in a process of its own, and reports whether
// this is that process: a limit of the process would hold for what the other tests and
// the test runner write too.
func inProcessOfItsOwn(t *testing.T) bool {
	t.Helper()
	const variable = "STOREBUS_TEST_ALONE"
	if os.Getenv(variable) == t.Name() {
		return true
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), variable+"="+t.Name())
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "--- PASS: "+t.Name())
	return false
}

// limitFileSizes lets no file of the process grow beyond a size, as a quota would,
// until the function that it returns is called or the test ends.
func limitFileSizes(t *testing.T, size int64) (lift func()) {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	lowered := limit
	lowered.Cur = uint64(size)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &lowered))
	lift = func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit) }
	t.Cleanup(lift)
	return lift
}

// TestTransaction_RefusedWrite_Ugly has the system refuse to let a file grow, which
// SQLite reports as an I/O error.
func TestTransaction_RefusedWrite_Ugly(t *testing.T) {
	if !inProcessOfItsOwn(t) {
		return
	}
	large := strings.Repeat("x", 1<<20)
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	setKeys(t, opened, "a")
	log, err := os.Stat(config.DatabasePath + "-wal")
	require.NoError(t, err)
	lift := limitFileSizes(t, log.Size()+64<<10)
	results := submitTogether(opened,
		store.SetCommand{Group: "acme:g", Key: "b", Value: "1"},
		store.SetCommand{Group: "acme:g", Key: "large", Value: large},
		store.SetCommand{Group: "acme:g", Key: "c", Value: "2"},
	)
	refused := opened.Set("acme:g", "large", large)
	status, statusErr := opened.Status()
	lift()
	for _, err := range []error{results[1].err, refused} {
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.NotErrorIs(t, err, store.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "disk takes no more")
	}
	require.NoError(t, results[0].err, "what fits is written")
	require.NoError(t, results[2].err)
	require.NoError(t, statusErr)
	assert.False(t, status.Writable, "the last write was refused")
	assert.Contains(t, status.Reason, "disk takes no more")
	requireNoKey(t, opened, "large")
	require.NoError(t, opened.Set("acme:g", "large", large))
	status, statusErr = opened.Status()
	require.NoError(t, statusErr)
	assert.True(t, status.Writable)
	opened = reopen(t, opened, config)
	requireValue(t, opened, "large", large)
	assert.Equal(t, []string{"set a", "set b", "set c", "set large"}, brief(changes(t, opened, "acme", 0)))
}
