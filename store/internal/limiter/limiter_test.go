// SPDX-License-Identifier: EUPL-1.2

package limiter_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/limiter"
)

// enter lets a caller in for whom there is room.
func enter[Key comparable](t *testing.T, bounded *limiter.Limiter[Key], key Key) (leave func()) {
	t.Helper()
	leave, err := bounded.Enter(key)
	require.NoError(t, err)
	return leave
}

func TestLimiter_Enter_Good(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	t.Run("RoomIsGivenWithoutAWait", func(t *testing.T) {
		bounded := limiter.New[string](limiter.Limits{Total: 2, Each: 1, Wait: time.Nanosecond, Closed: closed})
		for range 100 {
			first, second := enter(t, bounded, "acme"), enter(t, bounded, "other")
			first()
			second()
		}
	})
	t.Run("NoTotal", func(t *testing.T) {
		bounded := limiter.New[int](limiter.Limits{Each: 1, Closed: closed})
		for key := range 100 {
			enter(t, bounded, key)
		}
		_, err := bounded.Enter(7)
		assert.ErrorIs(t, err, failure.ErrClosed)
	})
	t.Run("NoShare", func(t *testing.T) {
		bounded := limiter.New[string](limiter.Limits{Total: 100, Closed: closed})
		for range 100 {
			enter(t, bounded, "acme")
		}
		_, err := bounded.Enter("other")
		assert.ErrorIs(t, err, failure.ErrClosed)
	})
	t.Run("AfterAnotherHasLeft", func(t *testing.T) {
		bounded := limiter.New[string](limiter.Limits{Each: 1})
		leave, entered := enter(t, bounded, "acme"), make(chan error)
		go func() {
			_, err := bounded.Enter("acme")
			entered <- err
		}()
		leave()
		assert.NoError(t, <-entered)
	})
}

func TestLimiter_Enter_Bad(t *testing.T) {
	t.Run("WaitsTooLong", func(t *testing.T) {
		bounded := limiter.New[string](limiter.Limits{Total: 1, Wait: time.Nanosecond, What: "queries"})
		leave := enter(t, bounded, "acme")
		_, err := bounded.Enter("acme")
		require.ErrorIs(t, err, failure.ErrUnavailable)
		assert.EqualError(t, err, "unavailable: too many queries wait for their turn")
		leave()
		enter(t, bounded, "acme")
	})
	t.Run("ClosedWhileItWaits", func(t *testing.T) {
		closed := make(chan struct{})
		bounded := limiter.New[string](limiter.Limits{Total: 1, Closed: closed})
		leave, refused := enter(t, bounded, "acme"), make(chan error)
		for _, key := range []string{"acme", "other"} {
			go func() {
				_, err := bounded.Enter(key)
				refused <- err
			}()
		}
		close(closed)
		require.ErrorIs(t, <-refused, failure.ErrClosed)
		require.ErrorIs(t, <-refused, failure.ErrClosed)
		leave()
		enter(t, bounded, "other")
	})
}
