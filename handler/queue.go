// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"sync"

	"dappco.re/go/storebus/subjects"
)

// Defaults of Config.
const (
	DefaultQueueLimit = 16_384
	DefaultQueueBytes = 64 << 20
)

const (
	// waitingAlone is how many requests of a namespace may wait for a change while those
	// of no other do.
	waitingAlone = 10_000
	// waitingLimit bounds those of all together, a little below the bound of the store.
	waitingLimit = 2*waitingAlone - 1
)

// What is in hand, each with a bound of its own.
const (
	inHandRequests = iota // from receipt to reply
	inHandBytes           // of these requests
	inHandResults         // bytes of results that wait to be sent
	inHandWaiting         // requests that wait for a change
	inHandKinds
)

// portion is an amount of each kind that is in hand.
type portion [inHandKinds]int64

func (portion *portion) add(more portion) {
	for kind := range portion {
		portion[kind] += more[kind]
	}
}

func (portion *portion) subtract(less portion) {
	for kind := range portion {
		portion[kind] -= less[kind]
	}
}

// queue counts what is in hand, by namespace. It holds none of it: it says whether
// there may be more. A namespace may take more while it holds no more than is still
// free for all. So one that is alone comes to half a bound and two to a third each,
// and there is always room left for another, whatever they ask for.
type queue struct {
	limits portion

	mutex      sync.Mutex
	total      portion
	namespaces map[string]portion
}

func newQueue(requests int, bytes int64) *queue {
	return &queue{
		limits:     portion{inHandRequests: int64(requests), inHandBytes: bytes, inHandResults: bytes, inHandWaiting: waitingLimit},
		namespaces: map[string]portion{},
	}
}

// take counts more for a namespace. It reports false, and counts nothing, where the
// namespace may not have it now. Each that is taken is given back.
func (queue *queue) take(namespace string, more portion) bool {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	held := queue.namespaces[namespace]
	for kind, amount := range more {
		if amount > 0 && !queue.fitsLocked(kind, held[kind], amount) {
			return false
		}
	}
	held.add(more)
	queue.total.add(more)
	queue.namespaces[namespace] = held
	return true
}

// fitsLocked reports whether a namespace that holds so much may have more. What is
// larger than the whole bound gets in when it is alone.
func (queue *queue) fitsLocked(kind int, held, amount int64) bool {
	free := queue.limits[kind] - queue.total[kind]
	return queue.total[kind] == 0 || amount <= free && held <= free
}

// give takes back what a namespace has taken.
func (queue *queue) give(namespace string, back portion) {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	held := queue.namespaces[namespace]
	held.subtract(back)
	queue.total.subtract(back)
	if held == (portion{}) {
		delete(queue.namespaces, namespace)
		return
	}
	queue.namespaces[namespace] = held
}

// inHand gives what is in hand of all namespaces together.
func (queue *queue) inHand() portion {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	return queue.total
}

// status gives what is in hand and the bounds.
func (queue *queue) status() subjects.QueueStatus {
	total := queue.inHand()
	return subjects.QueueStatus{
		Requests:     uint64(total[inHandRequests]),
		Bytes:        uint64(total[inHandBytes]),
		ResultBytes:  uint64(total[inHandResults]),
		RequestLimit: uint64(queue.limits[inHandRequests]),
		ByteLimit:    uint64(queue.limits[inHandBytes]),
	}
}
