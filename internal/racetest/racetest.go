// SPDX-License-Identifier: EUPL-1.2

// Package racetest tells a test whether the race detector looks at it. The detector makes a test many
// times slower.
package racetest

import "testing"

// Skip skips a test that the race detector has nothing to look for in: one goroutine does the work, or
// other tests have the same goroutines.
//
//	racetest.Skip(t)
func Skip(t testing.TB) {
	t.Helper()
	if Detects {
		t.Skip("the race detector looks for races in other tests")
	}
}
