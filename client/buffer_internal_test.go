// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
)

// drain takes all there is, as a watch does: only when there is a signal.
func drain(buffer *buffer) (taken []string) {
	for {
		select {
		case <-buffer.ready:
		default:
			return taken
		}
		switch message, overflowed := buffer.take(); {
		case overflowed:
			taken = append(taken, "overflow")
		case message != nil:
			taken = append(taken, string(message.Data))
		}
	}
}

func fill(buffer *buffer, from, to int) {
	for number := from; number <= to; number++ {
		buffer.put(&nats.Msg{Data: []byte(strconv.Itoa(number))})
	}
}

func TestBuffer_Take_Good(t *testing.T) {
	buffer := newBuffer(WatchOptions{BufferMessages: 3, BufferBytes: 100})
	assert.Empty(t, drain(buffer))
	fill(buffer, 1, 3)
	assert.Equal(t, []string{"1", "2", "3"}, drain(buffer))
	assert.Empty(t, drain(buffer))
	fill(buffer, 4, 5)
	assert.Equal(t, []string{"4", "5"}, drain(buffer))
}

func TestBuffer_Take_Ugly(t *testing.T) {
	t.Run("TellsOfWhatItDroppedAfterTheRest", func(t *testing.T) {
		buffer := newBuffer(WatchOptions{BufferMessages: 3, BufferBytes: 100})
		fill(buffer, 1, 9)
		assert.Equal(t, []string{"1", "2", "3", "overflow"}, drain(buffer))
		fill(buffer, 10, 10)
		assert.Equal(t, []string{"10"}, drain(buffer))
	})
	t.Run("KeepsNothingAfterAHole", func(t *testing.T) {
		buffer := newBuffer(WatchOptions{BufferMessages: 2, BufferBytes: 100})
		fill(buffer, 1, 3)
		<-buffer.ready
		buffer.take()
		fill(buffer, 4, 4) // there is room again
		assert.Equal(t, []string{"2", "overflow"}, drain(buffer))
	})
	t.Run("CountsBytes", func(t *testing.T) {
		buffer := newBuffer(WatchOptions{BufferMessages: 100, BufferBytes: 4})
		fill(buffer, 10, 12)
		assert.Equal(t, []string{"10", "11", "overflow"}, drain(buffer))
		fill(buffer, 13, 14)
		assert.Equal(t, []string{"13", "14"}, drain(buffer))
	})
	t.Run("DropsWhatNeverFits", func(t *testing.T) {
		buffer := newBuffer(WatchOptions{BufferMessages: 100, BufferBytes: 1})
		fill(buffer, 10, 10)
		assert.Equal(t, []string{"overflow"}, drain(buffer))
	})
}
