// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/report"
)

const countedCalls = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 56.00    0.012345          12      1200        43 futex
 44.00    0.000123           3       300           pwrite64
------ ----------- ----------- --------- --------- ----------------
100.00    0.012468           8      1500        43 total
`

func TestSyscalls_ParseCounts_Good(t *testing.T) {
	calls := parseCounts([]byte(countedCalls))
	assert.Equal(t, map[string]uint64{"futex": 1200, "pwrite64": 300}, calls)
	assert.Equal(t, map[string]float64{"futex": 4, "pwrite64": 1}, callsPerRequest(calls, &report.Round{Requests: 300}))
}

func TestSyscalls_ParseCounts_Bad(t *testing.T) {
	assert.Empty(t, parseCounts([]byte("strace: nothing\n\n")))
	assert.Empty(t, callsPerRequest(map[string]uint64{"futex": 1}, &report.Round{}), "nothing was served")
}

func TestSyscalls_StartTracer_Bad(t *testing.T) {
	if err := CheckTracer(); err != nil {
		t.Skip(err)
	}
	_, err := startTracer(-1, filepath.Join(t.TempDir(), "syscalls"))
	require.Error(t, err)
	assert.ErrorContains(t, err, "strace: ")
	t.Setenv("PATH", t.TempDir())
	_, err = startTracer(os.Getpid(), "syscalls")
	assert.ErrorContains(t, err, "strace")
}
