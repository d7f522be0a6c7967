// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/report"
)

func TestMemory_ParseMemory_Good(t *testing.T) {
	assert.Equal(t, &report.Memory{Resident: 2048, Peak: 4096}, parseMemory([]byte("Name:\tVmRSS: 7 kB\nVmHWM:\t       4 kB\nVmRSS:\t       2 kB\nThreads:\t9\n")))
}

func TestMemory_ParseMemory_Bad(t *testing.T) {
	for _, status := range []string{"", "VmRSS:\t2 kB\n", "VmHWM:\t2 kB\n", "VmRSS:\t2 kB\nVmHWM:\tx kB\n", "VmRSS:\t2\nVmHWM:\t4 kB\n"} {
		assert.Nil(t, parseMemory([]byte(status)), status)
	}
}

func TestMemory_MemoryOf_Good(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("this system has no /proc")
	}
	memory := memoryOf(os.Getpid())
	require.NotNil(t, memory)
	assert.Greater(t, memory.Resident, uint64(1<<20))
	assert.GreaterOrEqual(t, memory.Peak, memory.Resident)
	assert.Nil(t, memoryOf(-1), "what is not known is left out")
}
