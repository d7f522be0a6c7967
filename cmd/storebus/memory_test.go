// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
)

// currentTuning returns the collector's settings. Reading a setting means setting it.
func currentTuning() (growth int, limit int64) {
	growth = debug.SetGCPercent(100)
	debug.SetGCPercent(growth)
	return growth, debug.SetMemoryLimit(-1)
}

func keepTuning(t *testing.T) {
	t.Helper()
	growth, limit := currentTuning()
	t.Cleanup(func() {
		debug.SetGCPercent(growth)
		debug.SetMemoryLimit(limit)
	})
}

func TestMemory_TuneCollector_Good(t *testing.T) {
	keepTuning(t)
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	tuneCollector(storebus.Config{})
	growth, limit := currentTuning()
	assert.Equal(t, heapGrowth, growth)
	assert.EqualValues(t, usualMemory, limit)
	tuneCollector(storebus.Config{CacheBytes: store.DefaultCacheBytes + 1<<20, QueueBytes: handler.DefaultQueueBytes + 1<<20})
	_, limit = currentTuning()
	assert.EqualValues(t, usualMemory+4<<20, limit)
}

func TestMemory_TuneCollector_BadVariablesOfTheRuntime(t *testing.T) {
	keepTuning(t)
	growth, limit := currentTuning()
	t.Setenv("GOGC", "50")
	tuneCollector(storebus.Config{})
	newGrowth, newLimit := currentTuning()
	assert.Equal(t, growth, newGrowth)
	assert.Equal(t, limit, newLimit)
}
