// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"os"
	"runtime/debug"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
)

const (
	// heapGrowth is the growth of the heap between two collections, in per cent. A request
	// leaves little behind after its reply, so fewer collections cost only memory.
	heapGrowth = 400
	// usualMemory is the soft limit of the process in bytes, with caches and queues of the
	// default size. They may fill most of it. The collector works harder near the limit.
	usualMemory = 400 << 20
)

// tuneCollector sets the pace of garbage collection, unless a variable of the Go runtime
// does.
func tuneCollector(config storebus.Config) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(heapGrowth)
	debug.SetMemoryLimit(memoryLimit(config))
}

// memoryLimit is usualMemory, and twice the bytes by which the bounds exceed their
// defaults.
func memoryLimit(config storebus.Config) int64 {
	return usualMemory + 2*max(0, config.CacheBytes-store.DefaultCacheBytes) + 2*max(0, config.QueueBytes-handler.DefaultQueueBytes)
}
