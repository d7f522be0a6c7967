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
	// heapGrowth is by how many per cent the heap grows between two collections. Most
	// of what a request takes is gone with its reply, so that fewer collections cost
	// nothing but the memory that there is.
	heapGrowth = 400
	// usualMemory is what the process is kept within, the collector working harder as
	// it comes near, with caches and queues of the usual size, which may fill most of it.
	usualMemory = 400 << 20
)

// tuneCollector sets when garbage is collected, unless the variables of the Go
// runtime say so.
func tuneCollector(config storebus.Config) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(heapGrowth)
	debug.SetMemoryLimit(memoryLimit(config))
}

// memoryLimit is usualMemory, and as much more as larger bounds may hold.
func memoryLimit(config storebus.Config) int64 {
	return usualMemory + 2*max(0, config.CacheBytes-store.DefaultCacheBytes) + 2*max(0, config.QueueBytes-handler.DefaultQueueBytes)
}
