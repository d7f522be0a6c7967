// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/testrun"
)

// straceOptions are common to every use. -D makes the tracer a grandchild: the process that
// the test starts, signals and waits for is the sidecar itself. -ff gives each thread a
// file of its own, so no call is split in two.
var straceOptions = []string{
	"-D", "-ff", "--seccomp-bpf", "--quiet=all", "-e", "signal=none", "-y",
	"--absolute-timestamps=format:unix,precision:ns", "--syscall-times=ns",
}

// requireStrace skips the test if no process can be traced.
func requireStrace(t *testing.T) {
	t.Helper()
	testrun.SkipUnderDetector(t)
	if runtime.GOOS != "linux" {
		t.Skip("needs strace, a program of Linux, to see what is on disk")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed: nothing shows what is on disk when a write is acknowledged")
	}
	trace := filepath.Join(t.TempDir(), "trace")
	output, err := exec.Command("strace", slices.Concat(straceOptions, []string{"-e", "trace=execve", "-o", trace, "true"})...).CombinedOutput()
	if recorded := readTrace(t, trace); err != nil || len(recorded) == 0 {
		t.Skipf("strace is installed and cannot trace here: %v %s", err, output)
	}
}

// readTrace returns the output of strace, a text for each thread.
func readTrace(t *testing.T, trace string) []string {
	t.Helper()
	files, err := filepath.Glob(trace + ".*")
	require.NoError(t, err)
	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if len(text) > 0 {
			texts = append(texts, string(text))
		}
	}
	return texts
}

// startTraced is startServe under strace. trace is the prefix of the trace's files, which
// are complete when the process has ended.
func startTraced(t *testing.T, url, database, trace string, options []string, flags ...string) *process {
	t.Helper()
	started := startProcess(t, "strace", nil, slices.Concat(straceOptions, options,
		[]string{"-o", trace, storebusBinary(t), "serve", "--nats", url, "--database", database}, flags)...)
	started.line(t, readyLine)
	t.Cleanup(func() {
		started.kill(t)
		assert.NotContains(t, started.errors.String(), "strace:")
	})
	return started
}

// resolvedFolder is a new folder under its name in the kernel.
func resolvedFolder(t *testing.T) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return folder
}
