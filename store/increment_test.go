// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestIncrement_IncrementCommand_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	t.Run("MissingKeyCountsFromNothing", func(t *testing.T) {
		outcome, err := submit(opened, store.IncrementCommand{Group: "acme:g", Key: "a", By: 5, TraceParent: "00-trace-01"})
		require.NoError(t, err)
		assert.Equal(t, store.Outcome{Revision: 1, Created: true, Number: 5}, outcome)
		outcome, err = submit(opened, store.IncrementCommand{Group: "acme:g", Key: "a", By: -7})
		require.NoError(t, err)
		assert.Equal(t, store.Outcome{Revision: 2, Number: -2}, outcome)
		requireValue(t, opened, "a", "-2")
		events := changes(t, opened, "acme", 0)
		assert.Equal(t, []string{"set a", "set a"}, brief(events))
		assert.Equal(t, []string{"5", "-2", "00-trace-01"}, []string{events[0].Value, events[1].Value, events[0].TraceParent})
		assert.True(t, events[0].Created)
	})
	t.Run("ByNothingIsAChange", func(t *testing.T) {
		require.NoError(t, opened.Set("acme:g", "plus", "+007"))
		outcome, err := submit(opened, store.IncrementCommand{Group: "acme:g", Key: "plus"})
		require.NoError(t, err)
		assert.Equal(t, store.Outcome{Revision: 4, Number: 7}, outcome)
		requireValue(t, opened, "plus", "7")
	})
	t.Run("KeepsOrReplacesTheExpiry", func(t *testing.T) {
		require.NoError(t, opened.SetWithTTL("acme:g", "b", "1", time.Hour))
		expiresAt := clock.Now().Add(time.Hour)
		for _, step := range []struct {
			timeToLive *time.Duration
			want       time.Time
		}{{nil, expiresAt}, {pointerTo(time.Minute), clock.Now().Add(time.Minute)}, {nil, clock.Now().Add(time.Minute)}, {new(time.Duration), time.Time{}}, {nil, time.Time{}}} {
			outcome, err := submit(opened, store.IncrementCommand{Group: "acme:g", Key: "b", By: 1, TimeToLive: step.timeToLive})
			require.NoError(t, err)
			assert.Equal(t, step.want, outcome.ExpiresAt)
			entry, err := opened.GetEntry("acme:g", "b")
			require.NoError(t, err)
			assert.Equal(t, step.want, entry.ExpiresAt)
		}
	})
	t.Run("ExpiredKeyCountsFromNothingAndDoesNotExpire", func(t *testing.T) {
		require.NoError(t, opened.SetWithTTL("acme:g", "expired", "100", time.Second))
		clock.Advance(time.Second)
		outcome, err := submit(opened, store.IncrementCommand{Group: "acme:g", Key: "expired", By: 1})
		require.NoError(t, err)
		assert.True(t, outcome.Created)
		assert.Equal(t, int64(1), outcome.Number)
		assert.Zero(t, outcome.ExpiresAt)
	})
	t.Run("ReachesTheBounds", func(t *testing.T) {
		for key, bound := range map[string]int64{"highest": math.MaxInt64, "lowest": math.MinInt64} {
			_, err := opened.Increment("acme:g", key, bound)
			require.NoError(t, err)
			sum, err := opened.Increment("acme:g", key, 0)
			require.NoError(t, err)
			assert.Equal(t, bound, sum)
		}
		sum, err := opened.Increment("acme:g", "lowest", math.MaxInt64)
		require.NoError(t, err)
		assert.Equal(t, int64(-1), sum)
	})
}

func TestIncrement_IncrementCommand_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Limits: store.Limits{EntryBytes: store.EntryOverhead + 38, KeyBytes: 9}})
	values := map[string]string{
		"empty": "", "word": "one", "fraction": "1.0", "space": " 1", "grouped": "1_000", "hex": "0x1",
		"above": "9223372036854775808", "highest": "9223372036854775807", "lowest": "-9223372036854775808",
	}
	for key, value := range values {
		require.NoError(t, opened.Set("acme:g", key, value))
	}
	logged := len(changes(t, opened, "acme", 0))
	for name, test := range map[string]struct {
		command store.IncrementCommand
		want    error
	}{
		"Empty":          {store.IncrementCommand{Key: "empty", By: 1}, store.ErrNotANumber},
		"Word":           {store.IncrementCommand{Key: "word", By: 1}, store.ErrNotANumber},
		"Fraction":       {store.IncrementCommand{Key: "fraction", By: 1}, store.ErrNotANumber},
		"Space":          {store.IncrementCommand{Key: "space", By: 1}, store.ErrNotANumber},
		"Grouped":        {store.IncrementCommand{Key: "grouped", By: 1}, store.ErrNotANumber},
		"Hexadecimal":    {store.IncrementCommand{Key: "hex", By: 1}, store.ErrNotANumber},
		"LargerThanAny":  {store.IncrementCommand{Key: "above", By: -1}, store.ErrNotANumber},
		"Overflow":       {store.IncrementCommand{Key: "highest", By: 1}, store.ErrOverflow},
		"OverflowByMost": {store.IncrementCommand{Key: "highest", By: math.MaxInt64}, store.ErrOverflow},
		"Underflow":      {store.IncrementCommand{Key: "lowest", By: -1}, store.ErrOverflow},
		"UnderflowMost":  {store.IncrementCommand{Key: "lowest", By: math.MinInt64}, store.ErrOverflow},
		"InvalidTTL":     {store.IncrementCommand{Key: "word", By: 1, TimeToLive: pointerTo(time.Duration(1))}, store.ErrInvalidTTL},
		"InvalidName":    {store.IncrementCommand{Key: "word too long", By: 1}, store.ErrInvalidName},
		"TooLarge":       {store.IncrementCommand{Key: "large sum", By: math.MinInt64}, store.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			test.command.Group = "acme:g"
			outcome, err := submit(opened, test.command)
			require.ErrorIs(t, err, test.want)
			assert.Zero(t, outcome)
		})
	}
	assert.Len(t, changes(t, opened, "acme", 0), logged)
	for key, value := range values {
		requireValue(t, opened, key, value)
	}
}
