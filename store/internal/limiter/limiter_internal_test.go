// SPDX-License-Identifier: EUPL-1.2

package limiter

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// halved returns a limiter of which one key may have half.
func halved(total int) *Limiter[string] {
	return New[string](Limits{Total: total, Each: max(1, total/2)})
}

func TestLimiter_LineUp_Good(t *testing.T) {
	t.Run("NobodyHasMoreThanItsShare", func(t *testing.T) {
		limiter := halved(4)
		acme := []*ticket[string]{limiter.lineUp("acme"), limiter.lineUp("acme"), limiter.lineUp("acme")}
		other := limiter.lineUp("other")
		assert.Equal(t, []bool{true, true, false}, []bool{acme[0].isAdmitted(), acme[1].isAdmitted(), acme[2].isAdmitted()})
		assert.True(t, other.isAdmitted(), "there is room for another")
		acme[0].leave()
		assert.True(t, acme[2].isAdmitted())
	})
	t.Run("TheyComeInTurns", func(t *testing.T) {
		limiter := halved(2)
		inside := []*ticket[string]{limiter.lineUp("a"), limiter.lineUp("b")}
		var waiting []*ticket[string]
		for _, namespace := range []string{"a", "a", "c", "a", "c", "d"} {
			waiting = append(waiting, limiter.lineUp(namespace))
		}
		var order []string
		for len(order) < len(waiting) {
			inside[0].leave()
			for index, ticket := range waiting {
				if ticket != nil && ticket.isAdmitted() {
					order = append(order, ticket.lane.key)
					inside, waiting[index] = append(inside[1:], ticket), nil
				}
			}
		}
		assert.Equal(t, []string{"a", "c", "d", "a", "c", "a"}, order)
	})
	t.Run("OneAloneOfASingleOne", func(t *testing.T) {
		limiter := halved(1)
		first, second := limiter.lineUp("a"), limiter.lineUp("b")
		require.True(t, first.isAdmitted())
		assert.False(t, second.isAdmitted())
	})
}

func TestLimiter_Leave_Ugly(t *testing.T) {
	t.Run("WhileItWaits", func(t *testing.T) {
		limiter := halved(2)
		inside, second, third := limiter.lineUp("a"), limiter.lineUp("a"), limiter.lineUp("a")
		second.leave()
		inside.leave()
		assert.True(t, third.isAdmitted(), "who has left is not let in")
		fourth := limiter.lineUp("a")
		fourth.leave()
		third.leave()
		assert.Empty(t, limiter.lanes)
		assert.Empty(t, limiter.queue)
		assert.Zero(t, limiter.inside)
	})
	t.Run("FromManyGoroutines", func(t *testing.T) {
		limiter := halved(4)
		var inside, most atomic.Int64
		var working sync.WaitGroup
		for index := range 400 {
			working.Go(func() {
				ticket := limiter.lineUp(fmt.Sprint(index % 5))
				defer ticket.leave()
				if index%7 == 0 {
					return // perhaps before its turn
				}
				<-ticket.admitted
				now := inside.Add(1)
				for highest := most.Load(); now > highest && !most.CompareAndSwap(highest, now); highest = most.Load() {
				}
				inside.Add(-1)
			})
		}
		working.Wait()
		assert.LessOrEqual(t, most.Load(), int64(4))
		assert.Empty(t, limiter.lanes)
		assert.Zero(t, limiter.inside)
	})
}
