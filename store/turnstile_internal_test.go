// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTurnstile_LineUp_Good(t *testing.T) {
	t.Run("NobodyHasMoreThanItsShare", func(t *testing.T) {
		turnstile := newTurnstile(4)
		acme := []*ticket{turnstile.lineUp("acme"), turnstile.lineUp("acme"), turnstile.lineUp("acme")}
		other := turnstile.lineUp("other")
		assert.Equal(t, []bool{true, true, false}, []bool{acme[0].isAdmitted(), acme[1].isAdmitted(), acme[2].isAdmitted()})
		assert.True(t, other.isAdmitted(), "there is room for another")
		acme[0].leave()
		assert.True(t, acme[2].isAdmitted())
	})
	t.Run("TheyComeInTurns", func(t *testing.T) {
		turnstile := newTurnstile(2)
		inside := []*ticket{turnstile.lineUp("a"), turnstile.lineUp("b")}
		var waiting []*ticket
		for _, namespace := range []string{"a", "a", "c", "a", "c", "d"} {
			waiting = append(waiting, turnstile.lineUp(namespace))
		}
		var order []string
		for len(order) < len(waiting) {
			inside[0].leave()
			for index, ticket := range waiting {
				if ticket != nil && ticket.isAdmitted() {
					order = append(order, ticket.lane.namespace)
					inside, waiting[index] = append(inside[1:], ticket), nil
				}
			}
		}
		assert.Equal(t, []string{"a", "c", "d", "a", "c", "a"}, order)
	})
	t.Run("OneAloneOfASingleOne", func(t *testing.T) {
		turnstile := newTurnstile(1)
		first, second := turnstile.lineUp("a"), turnstile.lineUp("b")
		require.True(t, first.isAdmitted())
		assert.False(t, second.isAdmitted())
	})
}

func TestTurnstile_Leave_Ugly(t *testing.T) {
	t.Run("WhileItWaits", func(t *testing.T) {
		turnstile := newTurnstile(2)
		inside, second, third := turnstile.lineUp("a"), turnstile.lineUp("a"), turnstile.lineUp("a")
		second.leave()
		inside.leave()
		assert.True(t, third.isAdmitted(), "who has left is not let in")
		fourth := turnstile.lineUp("a")
		fourth.leave()
		third.leave()
		assert.Empty(t, turnstile.lanes)
		assert.Empty(t, turnstile.queue)
		assert.Zero(t, turnstile.inside)
	})
	t.Run("FromManyGoroutines", func(t *testing.T) {
		turnstile := newTurnstile(4)
		var inside, most atomic.Int64
		var working sync.WaitGroup
		for index := range 400 {
			working.Go(func() {
				ticket := turnstile.lineUp(fmt.Sprint(index % 5))
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
		assert.Empty(t, turnstile.lanes)
		assert.Zero(t, turnstile.inside)
	})
}
