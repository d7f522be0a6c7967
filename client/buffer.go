// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"sync"

	"github.com/nats-io/nats.go"
)

// buffer keeps the events that wait for a watch, within its bounds. What does not fit
// is dropped, and so is everything after it until the watch has taken what is there:
// so the buffer holds one stretch of events, and the log is asked once for the rest.
type buffer struct {
	maxMessages, maxBytes int
	// ready has something to receive whenever there is something to take.
	ready chan struct{}

	mutex      sync.Mutex
	messages   []*nats.Msg
	bytes      int
	overflowed bool
}

func newBuffer(options WatchOptions) *buffer {
	return &buffer{maxMessages: options.BufferMessages, maxBytes: options.BufferBytes, ready: make(chan struct{}, 1)}
}

// put keeps an event, if there is room. It never blocks: it runs in the
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

// take gives the oldest event, or says that events were dropped after the last one
// that was taken. Nil and false: there is nothing.
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
