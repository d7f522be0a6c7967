// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"sync"

	"github.com/nats-io/nats.go"
)

// buffer keeps the events that wait for a watch, within its bounds. An event that does
// not fit is dropped. So is every later event until the watch has taken all that are
// kept. The buffer therefore holds one stretch of events, and the watch asks the log once
// for the rest.
type buffer struct {
	maxMessages, maxBytes int
	// ready has something to receive whenever the buffer has something to take.
	ready chan struct{}

	mutex      sync.Mutex
	messages   []*nats.Msg
	bytes      int
	overflowed bool
}

func newBuffer(options WatchOptions) *buffer {
	return &buffer{maxMessages: options.BufferMessages, maxBytes: options.BufferBytes, ready: make(chan struct{}, 1)}
}

// put keeps an event if there is room. It never blocks, because it runs in the
// subscription's goroutine.
func (buffer *buffer) put(message *nats.Msg) {
	buffer.mutex.Lock()
	defer buffer.mutex.Unlock()
	size := len(message.Subject) + len(message.Data)
	if buffer.overflowed || len(buffer.messages) == buffer.maxMessages || buffer.bytes+size > buffer.maxBytes {
		buffer.overflowed = true
	} else {
		buffer.messages = append(buffer.messages, message)
		buffer.bytes += size
	}
	buffer.signalLocked()
}

// take returns the oldest event. If the buffer is empty, overflowed reports whether events
// were dropped after the last one taken.
func (buffer *buffer) take() (message *nats.Msg, overflowed bool) {
	buffer.mutex.Lock()
	defer buffer.mutex.Unlock()
	if len(buffer.messages) == 0 {
		overflowed, buffer.overflowed = buffer.overflowed, false
		return nil, overflowed
	}
	message = buffer.messages[0]
	buffer.messages[0] = nil
	buffer.messages = buffer.messages[1:]
	buffer.bytes -= len(message.Subject) + len(message.Data)
	if len(buffer.messages) > 0 || buffer.overflowed {
		buffer.signalLocked()
	}
	return message, false
}

func (buffer *buffer) signalLocked() {
	select {
	case buffer.ready <- struct{}{}:
	default:
	}
}
