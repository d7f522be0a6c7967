// SPDX-License-Identifier: EUPL-1.2

package journal

import "time"

// trustedRequests is how many requests in a row the endpoint must take of a lane until its
// namespace is delivered together with the others again.
const trustedRequests = 10

// lane is a namespace that is delivered by itself, because the endpoint cannot take some of its
// points. The lanes and the rest take turns, with one request in each turn.
type lane struct {
	// turn is the number of its last turn.
	turn uint64
	// bad is how many of the next points hold a point that the endpoint refuses, 0 if nothing is
	// known of them.
	bad int
	// window bounds a request if nothing is known. It doubles with each request that is taken, up
	// to ceiling, which is below the size that was too large.
	window, ceiling int
	// taken counts the requests in a row that the endpoint has taken.
	taken int
	// failures counts how often in a row the endpoint has failed over the next point, and due is
	// when to try it again.
	failures int
	due      time.Time
	backOff  backOff
}

// size is the number of points for the next request.
func (lane *lane) size() int {
	if lane.bad > 0 {
		return max(lane.bad/2, 1)
	}
	return min(lane.window, lane.ceiling)
}

// took records that the endpoint has taken points.
func (lane *lane) took(points int) {
	lane.bad = max(lane.bad-points, 0)
	lane.window = min(2*points, lane.ceiling)
	lane.taken++
	lane.answered()
}

// refused records that the endpoint has refused several points.
func (lane *lane) refused(points int, verdict verdict) {
	lane.bad, lane.taken = points, 0
	if verdict == tooLarge {
		lane.bad, lane.window, lane.ceiling = 0, points/2, points-1
	}
	lane.answered()
}

// rejected records that a point was given up.
func (lane *lane) rejected() {
	lane.bad, lane.window, lane.taken = 0, 1, 0
	lane.answered()
}

func (lane *lane) answered() {
	lane.failures, lane.due = 0, time.Time{}
	lane.backOff.reset()
}

// failed records that the endpoint has failed over points of the lane, and takes others.
func (lane *lane) failed(now time.Time, random float64) {
	lane.bad, lane.window, lane.taken = 0, 1, 0
	lane.failures++
	lane.due = now.Add(lane.backOff.next(random))
}

// lanes are the namespaces that are delivered by themselves.
type lanes struct {
	config *Config
	byName map[string]*lane
	turns  uint64
}

// part takes a namespace apart.
func (lanes *lanes) part(namespace string) *lane {
	if lanes.byName == nil {
		lanes.byName = map[string]*lane{}
	}
	parted := &lane{window: 1, ceiling: lanes.config.BatchPoints}
	lanes.byName[namespace] = parted
	lanes.begin(parted)
	return parted
}

// begin begins the turn of a lane.
func (lanes *lanes) begin(lane *lane) {
	lanes.turns++
	lane.turn = lanes.turns
}

// settle ends a turn. A namespace whose points are taken again joins the others.
func (lanes *lanes) settle(namespace string) {
	if lane := lanes.byName[namespace]; lane != nil && lane.taken >= trustedRequests && lane.bad == 0 {
		delete(lanes.byName, namespace)
	}
}

// forget joins all namespaces again.
func (lanes *lanes) forget() { clear(lanes.byName) }

// wait returns how long the lane waits that is the next to be tried again, and whether there is
// one.
func (lanes *lanes) wait(now time.Time) (wait time.Duration, waits bool) {
	for _, lane := range lanes.byName {
		if left := lane.due.Sub(now); lane.failures > 0 && (!waits || left < wait) {
			wait, waits = left, true
		}
	}
	return max(wait, 0), waits
}

// search finds a lane while the queue asks which namespaces take part.
type search struct {
	lanes *lanes
	now   time.Time
	// found is the lane with pending entries that has waited longest for its turn.
	found     *lane
	namespace string
}

// joins reports whether a namespace is delivered together with the others.
func (search *search) joins(namespace string) bool {
	lane := search.lanes.byName[namespace]
	if lane != nil && !lane.due.After(search.now) && (search.found == nil || lane.turn < search.found.turn) {
		search.found, search.namespace = lane, namespace
	}
	return lane == nil
}
