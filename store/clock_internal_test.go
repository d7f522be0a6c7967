// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestStoreClock_Tell_Good moves the clocks at random: the store's time is not before the
// wall clock's, nor before what was committed and the time elapsed since, but for a
// hundredth; and it is the wall clock's where that is not before those.
func TestStoreClock_Tell_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := reading{time: 1_800_000_000_000_000_000}
		clock := &storeClock{read: func() reading { return now }}
		clock.floor.Store(&reading{time: math.MinInt64})
		var kept []reading
		t.Repeat(map[string]func(*rapid.T){
			"Pass": func(t *rapid.T) {
				passed := time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "passed"))
				now.time, now.elapsed = now.time+int64(passed), now.elapsed+passed
			},
			"Set": func(t *rapid.T) {
				now.time += rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "step")
			},
			"Commit": func(*rapid.T) {
				told := clock.tell()
				clock.keep(told)
				kept = append(kept, told)
			},
			"": func(t *rapid.T) {
				told, wall := clock.compare()
				require.Equal(t, now, wall)
				require.GreaterOrEqual(t, told.time, wall.time)
				for _, commit := range kept {
					require.GreaterOrEqual(t, told.time, commit.time)
					passed := now.elapsed - commit.elapsed
					require.GreaterOrEqual(t, told.time, commit.time+int64(passed-passed/100)-1)
				}
			},
		})
	})
}

func TestStoreClock_After_Ugly(t *testing.T) {
	late := reading{time: math.MaxInt64 - 5}
	assert.Equal(t, int64(math.MaxInt64-5), late.after(time.Hour), "beyond what nanoseconds can tell it stands")
	floor := reading{time: 1000, elapsed: time.Second}
	assert.Equal(t, int64(1000), floor.after(0), "elapsed time does not go back")
	assert.Equal(t, int64(1000+99), floor.after(time.Second+100))
}
