// SPDX-License-Identifier: EUPL-1.2

package store

import "sync"

// background runs what callers do not wait for, and what takes many turns of the
// committer, in goroutines that end before the committer does.
type background struct {
	running sync.WaitGroup

	mutex  sync.Mutex
	closed bool
}

// start runs function in a goroutine; it returns false after stop.
func (background *background) start(function func()) bool {
	background.mutex.Lock()
	defer background.mutex.Unlock()
	if !background.closed {
		background.running.Go(function)
	}
	return !background.closed
}

// stop refuses further functions and waits for the running ones.
func (background *background) stop() {
	background.mutex.Lock()
	background.closed = true
	background.mutex.Unlock()
	background.running.Wait()
}
