// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIdle_ParseProcessors_Good(t *testing.T) {
	read := parseProcessors([]byte("cpu  1 2 3 40 5 6 7 8 9 10\ncpu0 1 2 3 40 5 6 7 8 9 10\n"))
	assert.Equal(t, processors{idle: 45, whole: 72}, read, "guests are in user already")
}

func TestIdle_ParseProcessors_Bad(t *testing.T) {
	for _, stat := range []string{"", "cpu 1 2 3 4", "intr 1 2 3 4 5 6 7 8 9", "cpu 1 2 3 x 5 6 7 8 9 10"} {
		assert.Zero(t, parseProcessors([]byte(stat)), stat)
	}
}

func TestIdle_IdleSince_Good(t *testing.T) {
	share := processors{idle: 130, whole: 300}.idleSince(processors{idle: 100, whole: 200})
	require.NotNil(t, share)
	assert.InDelta(t, 0.3, *share, 1e-9)
	if _, err := os.Stat("/proc/stat"); err == nil {
		assert.Positive(t, readProcessors().whole)
	}
}

func TestIdle_IdleSince_Ugly(t *testing.T) {
	assert.Nil(t, processors{}.idleSince(processors{}), "the system does not report it")
	share := processors{idle: 90, whole: 300}.idleSince(processors{idle: 100, whole: 200})
	require.NotNil(t, share)
	assert.Zero(t, *share, "the kernel took some back")
}
