// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// fill takes one request after the other for a namespace, and gives how many it got.
func (queue *queue) fill(namespace string) (taken int) {
	for queue.take(namespace, portion{inHandRequests: 1}) {
		taken++
	}
	return taken
}

func TestQueue_Take_Good(t *testing.T) {
	t.Run("OneAloneComesToHalfTheBound", func(t *testing.T) {
		assert.Equal(t, 51, newQueue(100, 1).fill("acme"))
	})
	t.Run("OthersHaveRoomWhateverOneAsksFor", func(t *testing.T) {
		queue := newQueue(1000, 1)
		for number, expected := range []int{501, 250, 125, 63} {
			assert.Equal(t, expected, queue.fill(strconv.Itoa(number)), "number %d", number)
		}
		assert.True(t, queue.take("polite", portion{inHandRequests: 1}))
	})
	t.Run("SharesEvenOutAsPlacesAreGivenBack", func(t *testing.T) {
		queue := newQueue(900, 1)
		held := map[string]int{"first": queue.fill("first"), "second": queue.fill("second")}
		for range 1000 { // each gives one back and asks for two
			for name := range held {
				queue.give(name, portion{inHandRequests: 1})
				held[name] += queue.fill(name) - 1
			}
		}
		assert.InDelta(t, held["first"], held["second"], 2)
		assert.InDelta(t, 300, held["first"], 2)
	})
	t.Run("WhatIsTooLargeGetsInAlone", func(t *testing.T) {
		queue := newQueue(10, 100)
		require.True(t, queue.take("acme", portion{inHandBytes: 1000}))
		assert.False(t, queue.take("other", portion{inHandBytes: 1}))
		queue.give("acme", portion{inHandBytes: 1000})
		assert.True(t, queue.take("other", portion{inHandBytes: 1}))
	})
	t.Run("EachKindHasABoundOfItsOwn", func(t *testing.T) {
		queue := newQueue(10, 100)
		require.True(t, queue.take("acme", portion{inHandResults: 100}))
		assert.True(t, queue.take("acme", portion{inHandRequests: 1, inHandBytes: 100}))
		assert.True(t, queue.take("acme", portion{inHandWaiting: 1}))
		assert.Equal(t, subjects.QueueStatus{Requests: 1, Bytes: 100, ResultBytes: 100, RequestLimit: 10, ByteLimit: 100}, queue.status())
	})
}

func TestQueue_Take_Bad(t *testing.T) {
	queue := newQueue(10, 100)
	require.True(t, queue.take("acme", portion{inHandRequests: 1, inHandBytes: 60}))
	assert.False(t, queue.take("other", portion{inHandRequests: 1, inHandBytes: 60}), "there are not so many bytes left")
	assert.False(t, queue.take("acme", portion{inHandRequests: 1, inHandBytes: 1}), "it holds more than is free")
	assert.Equal(t, portion{inHandRequests: 1, inHandBytes: 60}, queue.inHand(), "what is refused counts nothing")
	for range waitingAlone {
		require.True(t, queue.take("acme", portion{inHandWaiting: 1}))
	}
	assert.False(t, queue.take("acme", portion{inHandWaiting: 1}))
	assert.True(t, queue.take("other", portion{inHandWaiting: 1}))
}

func TestQueue_Give_Ugly_ManyAtOnce(t *testing.T) {
	queue := newQueue(64, 1000)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 2000 {
				name := strconv.Itoa(random.IntN(4))
				more := portion{inHandRequests: 1, inHandBytes: random.Int64N(100), inHandResults: random.Int64N(100)}
				if queue.take(name, more) {
					queue.give(name, more)
				}
			}
		})
	}
	group.Wait()
	assert.Zero(t, queue.inHand())
	assert.Empty(t, queue.namespaces, "nothing is kept of who holds nothing")
}
