// SPDX-License-Identifier: EUPL-1.2

// Package testrun is about how the tests of a package run: how many at once, and which of them under
// the race detector.
package testrun

import (
	"flag"
	"runtime"
	"strconv"
	"testing"
)

// WaitTogether has twice as many parallel tests run at once as there are processors, unless a flag says
// otherwise. It is for TestMain of tests that wait for disks and processes most of the time.
//
//	testrun.WaitTogether()
func WaitTogether() {
	flag.Parse()
	processors := runtime.GOMAXPROCS(0)
	if parallel := flag.Lookup("test.parallel").Value; parallel.String() == strconv.Itoa(processors) {
		if err := parallel.Set(strconv.Itoa(2 * processors)); err != nil {
			panic(err) // a number is a value of the flag
		}
	}
}

// SkipUnderDetector skips a test that the race detector has nothing to look for in: one goroutine does
// the work, or other tests have the same goroutines. The detector makes a test many times slower.
//
//	testrun.SkipUnderDetector(t)
func SkipUnderDetector(t testing.TB) {
	t.Helper()
	if RaceDetector {
		t.Skip("the race detector looks for races in other tests")
	}
}
