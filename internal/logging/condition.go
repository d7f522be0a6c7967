// SPDX-License-Identifier: EUPL-1.2

package logging

import "sync"

// Condition is a state that is met again and again, such as a broker that is away. The log has
// a line when the state changes. Its zero value is ready, in the state "", which is the good one.
//
//	if leftOut, changed := condition.Becomes("away"); changed {
//		logger.Warn("the broker is away", "left_out", leftOut)
//	}
type Condition struct {
	mutex   sync.Mutex
	state   string
	leftOut uint64
}

// Becomes takes note of the state. It reports whether that is another one than before, for the
// caller to log, and how often the one before was met without a line.
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

// Holds reports whether the state is another one than the good one.
func (condition *Condition) Holds() bool {
	condition.mutex.Lock()
	defer condition.mutex.Unlock()
	return condition.state != ""
}
