// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"sync/atomic"

	"dappco.re/go/storebus/subjects"
)

// Defaults of Config.
const (
	DefaultQueueLimit = 16_384
	DefaultQueueBytes = 64 << 20
)

// queue counts the requests in hand, from receipt to reply. It holds none of
// them: it says whether one more may be taken.
type queue struct {
	requestLimit int64
	byteLimit    int64
	requests     atomic.Int64
	bytes        atomic.Int64
}

// enter takes a place for a request of so many bytes. It reports false, and takes
// none, where a bound is met; a request that is larger than the whole bound gets
// in when it is alone.
func (queue *queue) enter(bytes int64) bool {
	requests, held := queue.requests.Add(1), queue.bytes.Add(bytes)
	if requests > queue.requestLimit || held > queue.byteLimit && requests > 1 {
		queue.leave(bytes)
		return false
	}
	return true
}

// hold adds the bytes of a result that waits to be sent. It reports false, and
// adds nothing, where results alone have come to the bound a second time: a
// broker that takes nothing may not fill the memory.
func (queue *queue) hold(bytes int64) bool {
	if queue.bytes.Add(bytes) > 2*queue.byteLimit {
		queue.bytes.Add(-bytes)
		return false
	}
	return true
}

// leave gives the place back, with everything held in it.
func (queue *queue) leave(bytes int64) {
	queue.release(bytes)
	queue.requests.Add(-1)
}

// release gives back the bytes of something that had no place of its own.
func (queue *queue) release(bytes int64) {
	queue.bytes.Add(-bytes)
}

// status gives what is in hand and the bounds.
func (queue *queue) status() subjects.QueueStatus {
	return subjects.QueueStatus{
		Requests:     uint64(max(queue.requests.Load(), 0)),
		Bytes:        uint64(max(queue.bytes.Load(), 0)),
		RequestLimit: uint64(queue.requestLimit),
		ByteLimit:    uint64(queue.byteLimit),
	}
}
