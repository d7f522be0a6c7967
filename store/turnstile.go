// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
)

// maxQueryWait is the longest time that a query waits for its turn. The caller has gone by
// then.
const maxQueryWait = 30 * time.Second

// turnstile lets a number of callers in at once, and of one namespace no more than its share.
// Waiting callers come in turns of their namespaces, so that no namespace holds up another.
type turnstile struct {
	limit int
	share int

	mutex  sync.Mutex
	inside int
	lanes  map[string]*lane
	// queue are the lanes in which somebody waits, the one whose turn is next first.
	queue []*lane
}

// lane is the state of a namespace in a turnstile.
type lane struct {
	namespace string
	inside    int
	waiting   []*ticket
}

// ticket is a place in a turnstile: its holder waits for admitted, and leaves, whether
// it was let in or not.
type ticket struct {
	turnstile *turnstile
	lane      *lane
	admitted  chan struct{}
}

// newTurnstile makes a turnstile whose share is half of its limit.
func newTurnstile(limit int) *turnstile {
	return &turnstile{limit: limit, share: max(1, limit/2), lanes: map[string]*lane{}}
}

// lineUp gives a place behind the others of the namespace.
func (turnstile *turnstile) lineUp(namespace string) *ticket {
	turnstile.mutex.Lock()
	defer turnstile.mutex.Unlock()
	chosen := turnstile.lanes[namespace]
	if chosen == nil {
		chosen = &lane{namespace: namespace}
		turnstile.lanes[namespace] = chosen
	}
	ticket := &ticket{turnstile: turnstile, lane: chosen, admitted: make(chan struct{})}
	chosen.waiting = append(chosen.waiting, ticket)
	if len(chosen.waiting) == 1 {
		turnstile.queue = append(turnstile.queue, chosen)
	}
	turnstile.admitLocked()
	return ticket
}

// admitLocked lets callers in while there is room. A lane then goes behind the others.
func (turnstile *turnstile) admitLocked() {
	for index := 0; index < len(turnstile.queue) && turnstile.inside < turnstile.limit; {
		lane := turnstile.queue[index]
		if lane.inside == turnstile.share {
			index++
			continue
		}
		close(lane.waiting[0].admitted)
		lane.waiting = lane.waiting[1:]
		lane.inside++
		turnstile.inside++
		turnstile.queue = slices.Delete(turnstile.queue, index, index+1)
		if len(lane.waiting) > 0 {
			turnstile.queue = append(turnstile.queue, lane)
		}
	}
}

// await waits until the holder is let in, for so long at most: then it returns
// ErrUnavailable. It returns ErrClosed when stopped is closed.
func (ticket *ticket) await(limit time.Duration, stopped <-chan struct{}) error {
	if ticket.isAdmitted() {
		return nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-timer.C:
		return fmt.Errorf("%w: too many queries wait for their turn", kv.ErrUnavailable)
	case <-stopped:
		return kv.ErrClosed
	case <-ticket.admitted:
		return nil
	}
}

// isAdmitted tells whether the holder was let in.
func (ticket *ticket) isAdmitted() bool {
	select {
	case <-ticket.admitted:
		return true
	default:
		return false
	}
}

// leave gives the place up.
func (ticket *ticket) leave() {
	turnstile, lane := ticket.turnstile, ticket.lane
	turnstile.mutex.Lock()
	defer turnstile.mutex.Unlock()
	if ticket.isAdmitted() {
		lane.inside--
		turnstile.inside--
	} else if lane.waiting = without(lane.waiting, ticket); len(lane.waiting) == 0 {
		turnstile.queue = without(turnstile.queue, lane)
	}
	if lane.inside == 0 && len(lane.waiting) == 0 {
		delete(turnstile.lanes, lane.namespace)
	}
	turnstile.admitLocked()
}

func without[Element comparable](list []Element, element Element) []Element {
	index := slices.Index(list, element)
	return slices.Delete(list, index, index+1)
}
