// SPDX-License-Identifier: EUPL-1.2

package logging

import "sync"

// Condition is a state that is met again and again, such as an absent broker. If the state
// changes, the log gets a line. The zero value is ready, in the good state "".
//
//	if leftOut, changed := condition.Becomes("away"); changed {
//		logger.Warn("the broker is away", "left_out", leftOut)
//	}
type Condition struct {
	mutex   sync.Mutex
	state   string
	leftOut uint64
}

// Becomes records the state. It reports whether the state has changed, so that the caller logs
// a line. leftOut is how often the state before was met without a line.
func (condition *Condition) Becomes(state string) (leftOut uint64, changed bool) {
	condition.mutex.Lock()
	defer condition.mutex.Unlock()
	if state == condition.state {
		if state != "" {
			condition.leftOut++
		}
		return 0, false
	}
	leftOut = condition.leftOut
	condition.state, condition.leftOut = state, 0
	return leftOut, true
}

// Holds reports whether the state is not the good one.
func (condition *Condition) Holds() bool {
	condition.mutex.Lock()
	defer condition.mutex.Unlock()
	return condition.state != ""
}
