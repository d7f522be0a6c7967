// SPDX-License-Identifier: EUPL-1.2

package clock

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestStoreClock_Tell_Good moves the clocks at random. The store's time is never before the
// wall clock's. It is also never before the last commit plus the elapsed time, less a
// hundredth.
func TestStoreClock_Tell_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := Reading{Time: 1_800_000_000_000_000_000}
		clock := &Clock{read: func() Reading { return now }}
		clock.floor.Store(&Reading{Time: math.MinInt64})
		var kept []Reading
		t.Repeat(map[string]func(*rapid.T){
			"Pass": func(t *rapid.T) {
				passed := time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "passed"))
				now.Time, now.Elapsed = now.Time+int64(passed), now.Elapsed+passed
			},
			"Set": func(t *rapid.T) {
				now.Time += rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "step")
			},
			"Commit": func(*rapid.T) {
				told := clock.Tell()
				clock.Keep(told)
				kept = append(kept, told)
			},
			"": func(t *rapid.T) {
				told, wall := clock.Compare()
				require.Equal(t, now, wall)
				require.GreaterOrEqual(t, told.Time, wall.Time)
				for _, commit := range kept {
					require.GreaterOrEqual(t, told.Time, commit.Time)
					passed := now.Elapsed - commit.Elapsed
					require.GreaterOrEqual(t, told.Time, commit.Time+int64(passed-passed/100)-1)
				}
			},
		})
	})
}

func TestStoreClock_After_Ugly(t *testing.T) {
	late := Reading{Time: math.MaxInt64 - 5}
	assert.Equal(t, int64(math.MaxInt64-5), late.after(time.Hour), "beyond what nanoseconds can tell it stands")
	floor := Reading{Time: 1000, Elapsed: time.Second}
	assert.Equal(t, int64(1000), floor.after(0), "elapsed time does not go back")
	assert.Equal(t, int64(1000+99), floor.after(time.Second+100))
}
