// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"errors"
	"net/http"
)

// suspiciousFailures is how often the endpoint fails over the same first point until
// the point itself is suspected: some minutes, with the time between attempts.
const suspiciousFailures = 10

// suspicion counts consecutive failures of the endpoint that a single point may cause. If the
// endpoint cannot digest that point, no point behind it would ever be delivered.
type suspicion struct {
	failures int
}

func (suspicion *suspicion) note(err error) {
	if blamesPoint(err) {
		suspicion.failures++
	} else {
		suspicion.failures = 0
	}
}

func (suspicion *suspicion) strong() bool { return suspicion.failures >= suspiciousFailures }

// blamesLines reports whether the lines may have made the endpoint fail. It reports false
// if the endpoint is busy, or cannot be reached.
func (answer *answer) blamesLines() bool {
	return answer.verdict == unavailable && answer.status >= 500 && answer.status != http.StatusServiceUnavailable
}

// blamesPoint reports whether an error is a failure that a point may have caused.
func blamesPoint(err error) bool {
	failure, ok := errors.AsType[*failure](err)
	return ok && failure.answer.blamesLines()
}

// sendSuspect delivers the first of two points, over which the endpoint has failed many times.
// If it takes the second and fails over the first once more, the first is at fault; else the
// endpoint is, and both are kept.
func (sending *sending) sendSuspect() error {
	err := sending.sendPoint(0)
	if !blamesPoint(err) {
		return err
	}
	second := sending.batch.between(1, 2)
	if len(second) == 0 || sending.post(second).verdict != accepted {
		return err
	}
	again := sending.post(sending.batch.between(0, 1))
	switch {
	case again.verdict == accepted:
		return sending.settle(0, 1, nil)
	case again.blamesLines():
		return sending.settle(0, 1, &again)
	}
	return &failure{again}
}
