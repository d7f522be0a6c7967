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
	// waitingAlone is how many requests of a namespace may wait for a change while no
	// other namespace has waiting requests.
	waitingAlone = 10_000
	// waitingLimit bounds the waiting requests of all namespaces together, a little below
	// the bound of the store.
	waitingLimit = 2*waitingAlone - 1
)

// The kinds of work in hand, each with a bound of its own.
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

// queue counts the work in hand, by namespace. It holds no work: it decides whether a
// namespace may have more. A namespace may take more while it holds no more than is still
// free for all. So one namespace alone gets half of a bound, and two get a third each.
// There is always room left for another namespace.
type queue struct {
	limits portion

	mutex sync.Mutex
	total portion
	// recent is the namespace that was asked about last, and held is what it holds. namespaces has
	// the others that hold something.
	recent     string
	held       portion
	namespaces map[string]portion
}

func newQueue(requests int, bytes int64) *queue {
	return &queue{
		limits:     portion{inHandRequests: int64(requests), inHandBytes: bytes, inHandResults: bytes, inHandWaiting: waitingLimit},
		namespaces: map[string]portion{},
	}
}

// take counts more for a namespace. If the namespace may not have it now, take counts
// nothing and reports false. Every portion that is taken must be given back.
func (queue *queue) take(namespace string, more portion) bool {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	queue.turnToLocked(namespace)
	for kind, amount := range more {
		if amount > 0 && !queue.fitsLocked(kind, queue.held[kind], amount) {
			return false
		}
	}
	queue.held.add(more)
	queue.total.add(more)
	return true
}

// fitsLocked reports whether a namespace that holds an amount may have more. An amount
// larger than the whole bound is let in if nothing else is in hand.
func (queue *queue) fitsLocked(kind int, held, amount int64) bool {
	free := queue.limits[kind] - queue.total[kind]
	return queue.total[kind] == 0 || amount <= free && held <= free
}

// give returns a portion that a namespace has taken.
func (queue *queue) give(namespace string, back portion) {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	queue.turnToLocked(namespace)
	queue.held.subtract(back)
	queue.total.subtract(back)
}

// turnToLocked makes a namespace the recent one.
func (queue *queue) turnToLocked(namespace string) {
	if namespace == queue.recent {
		return
	}
	if queue.held != (portion{}) {
		queue.namespaces[queue.recent] = queue.held
	}
	queue.recent, queue.held = namespace, queue.namespaces[namespace]
	delete(queue.namespaces, namespace)
}

// inHand returns the work in hand of all namespaces together.
func (queue *queue) inHand() portion {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	return queue.total
}

// status returns the work in hand and the bounds.
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
