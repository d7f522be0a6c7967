// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/internal/bench/report"
)

func TestCPU_ParseStat_Good(t *testing.T) {
	used, known := parseStat([]byte("42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 123 77 13 14 15"))
	assert.True(t, known)
	assert.Equal(t, 2*time.Second, used)
}

func TestCPU_ParseStat_Bad(t *testing.T) {
	for _, stat := range []string{"", "42 (a) S 1 2", "42 (a) S 1 2 3 4 5 6 7 8 9 10 x 77", "42 (a) S 1 2 3 4 5 6 7 8 9 10 123 x"} {
		_, known := parseStat([]byte(stat))
		assert.False(t, known, stat)
	}
}

func TestCPU_Meter_Good(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system has no /proc")
	}
	meter := meter{report.RoleClient: os.Getpid(), report.RoleBroker: -1}
	used := meter.read()
	assert.Contains(t, used, report.RoleClient)
	assert.NotContains(t, used, report.RoleBroker, "what is not known is left out")
	before := map[string]time.Duration{report.RoleClient: time.Second}
	after := map[string]time.Duration{report.RoleClient: 2 * time.Second, report.RoleBroker: time.Second}
	assert.Equal(t, map[string]float64{report.RoleClient: 4}, perRequest(before, after, 250_000))
	assert.Empty(t, perRequest(before, after, 0))
}
