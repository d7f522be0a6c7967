// SPDX-License-Identifier: EUPL-1.2

package limiter

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"dappco.re/go/storebus/store/internal/failure"
)

// Limits are the bounds of a Limiter.
type Limits struct {
	// Total is the largest number of callers inside, and Each the largest number of one key. 0
	// is no bound.
	Total, Each int
	// Wait is the longest time that a caller waits; 0 is no bound.
	Wait time.Duration
	// What names the work in the error of a caller that has waited for so long.
	What string
	// Closed, if not nil, refuses all waiting callers when it is closed.
	Closed <-chan struct{}
}

// Limiter lets callers in within its Limits. Callers of one key enter in the order in which they
// came. The keys take turns, so no key holds up another.
type Limiter[Key comparable] struct {
	limits Limits

	mutex  sync.Mutex
	inside int
	lanes  map[Key]*lane[Key]
	// queue has the lanes with waiting callers, the lane whose turn is next first.
	queue []*lane[Key]
}

// lane is the state of a key.
type lane[Key comparable] struct {
	key     Key
	inside  int
	waiting []*ticket[Key]
}

// ticket is the place of a caller, waiting or inside.
type ticket[Key comparable] struct {
	limiter  *Limiter[Key]
	lane     *lane[Key]
	admitted chan struct{}
}

// New returns a limiter.
//
//	queries := limiter.New[string](limiter.Limits{Total: 2, Each: 1, Wait: 30 * time.Second, What: "queries"})
func New[Key comparable](limits Limits) *Limiter[Key] {
	limits.Total, limits.Each = cmp.Or(limits.Total, math.MaxInt), cmp.Or(limits.Each, math.MaxInt)
	return &Limiter[Key]{limits: limits, lanes: map[Key]*lane[Key]{}}
}

// Enter waits for the turn of the caller. The caller calls leave once, after its work. Enter
// returns ErrUnavailable after Limits.Wait, and ErrClosed once Limits.Closed is closed, but
// always lets a caller in if there is room.
//
//	leave, err := queries.Enter("acme")
func (limiter *Limiter[Key]) Enter(key Key) (leave func(), err error) {
	ticket := limiter.lineUp(key)
	if err := ticket.await(); err != nil {
		ticket.leave()
		return nil, err
	}
	return ticket.leave, nil
}

// lineUp gives a place behind the others of a key.
func (limiter *Limiter[Key]) lineUp(key Key) *ticket[Key] {
	limiter.mutex.Lock()
	defer limiter.mutex.Unlock()
	chosen := limiter.lanes[key]
	if chosen == nil {
		chosen = &lane[Key]{key: key}
		limiter.lanes[key] = chosen
	}
	ticket := &ticket[Key]{limiter: limiter, lane: chosen, admitted: make(chan struct{})}
	chosen.waiting = append(chosen.waiting, ticket)
	if len(chosen.waiting) == 1 {
		limiter.queue = append(limiter.queue, chosen)
	}
	limiter.admitLocked()
	return ticket
}

// admitLocked lets callers in while there is room. A lane then goes behind the others.
func (limiter *Limiter[Key]) admitLocked() {
	for index := 0; index < len(limiter.queue) && limiter.inside < limiter.limits.Total; {
		lane := limiter.queue[index]
		if lane.inside == limiter.limits.Each {
			index++
			continue
		}
		close(lane.waiting[0].admitted)
		lane.waiting = lane.waiting[1:]
		lane.inside++
		limiter.inside++
		limiter.queue = slices.Delete(limiter.queue, index, index+1)
		if len(lane.waiting) > 0 {
			limiter.queue = append(limiter.queue, lane)
		}
	}
}

// await waits until the caller is let in or refused.
func (ticket *ticket[Key]) await() error {
	if ticket.isAdmitted() {
		return nil
	}
	limits := &ticket.limiter.limits
	var late <-chan time.Time
	if limits.Wait != 0 {
		timer := time.NewTimer(limits.Wait)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-late:
		return fmt.Errorf("%w: too many %s wait for their turn", failure.ErrUnavailable, limits.What)
	case <-limits.Closed:
		return failure.ErrClosed
	case <-ticket.admitted:
		return nil
	}
}

// isAdmitted reports whether the caller was let in.
func (ticket *ticket[Key]) isAdmitted() bool {
	select {
	case <-ticket.admitted:
		return true
	default:
		return false
	}
}

// leave gives the place up, whether the caller was let in or not.
func (ticket *ticket[Key]) leave() {
	limiter, lane := ticket.limiter, ticket.lane
	limiter.mutex.Lock()
	defer limiter.mutex.Unlock()
	if ticket.isAdmitted() {
		lane.inside--
		limiter.inside--
	} else if lane.waiting = without(lane.waiting, ticket); len(lane.waiting) == 0 {
		limiter.queue = without(limiter.queue, lane)
	}
	if lane.inside == 0 && len(lane.waiting) == 0 {
		delete(limiter.lanes, lane.key)
	}
	limiter.admitLocked()
}

func without[Element comparable](list []Element, element Element) []Element {
	index := slices.Index(list, element)
	return slices.Delete(list, index, index+1)
}
