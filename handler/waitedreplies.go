// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"context"
	"sync"
	"time"

	"dappco.re/go/storebus/internal/turns"
)

const (
	// waitedPerTurn is how many replies to requests that waited for a change are sent to
	// the broker at once: about 64 KiB of small replies.
	waitedPerTurn = 128
	// waitedFlushTimeout is how long the broker may take for these replies. After that
	// the next ones go out anyway.
	waitedFlushTimeout = time.Second
)

// waitedReplies sends the replies to requests that may have waited for a change, in a
// goroutine of its own. One change may answer thousands of requests. Their replies go in
// turns of their namespaces, and each turn waits until the broker has the turn before. So
// no other reply waits behind all of them, neither here nor in the connection.
type waitedReplies struct {
	// flush waits until the broker has the replies that were sent.
	flush func()

	mutex  sync.Mutex
	queue  turns.Queue[sender]
	closed bool

	wake chan struct{}
	done chan struct{}
}

func newWaitedReplies(flush func()) *waitedReplies {
	return &waitedReplies{flush: flush, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// push adds one reply and returns at once.
func (replies *waitedReplies) push(namespace string, reply sender) {
	replies.mutex.Lock()
	defer replies.mutex.Unlock()
	replies.queue.Put(namespace, reply)
	replies.signal()
}

// close sends the waiting replies, ends the goroutine and waits for it.
func (replies *waitedReplies) close() {
	replies.mutex.Lock()
	replies.closed = true
	replies.signal()
	replies.mutex.Unlock()
	<-replies.done
}

func (replies *waitedReplies) signal() {
	select {
	case replies.wake <- struct{}{}:
	default: // the signal is there already, and the goroutine sends all waiting replies
	}
}

func (replies *waitedReplies) run() {
	defer close(replies.done)
	for closed := false; !closed; {
		<-replies.wake
		for more := true; more; {
			var batch []sender
			batch, more, closed = replies.nextTurn()
			for _, reply := range batch {
				reply.send()
			}
			if more && !closed {
				replies.flush()
			}
		}
	}
}

// nextTurn removes the replies of a turn, and reports whether more are left.
func (replies *waitedReplies) nextTurn() (batch []sender, more, closed bool) {
	replies.mutex.Lock()
	defer replies.mutex.Unlock()
	for range min(waitedPerTurn, replies.queue.Len()) {
		reply, _ := replies.queue.Take()
		batch = append(batch, reply)
	}
	return batch, replies.queue.Len() > 0, replies.closed
}

// flushWaited waits until the broker has the replies that were sent. If the broker is
// away, it gets them from the connection's buffer later.
func (service *Service) flushWaited() {
	if !service.connection.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitedFlushTimeout)
	defer cancel()
	_ = service.connection.FlushWithContext(ctx) // an error ends the wait as well
}
