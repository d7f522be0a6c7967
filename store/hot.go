// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"container/list"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// hotShards spreads the hot entries over locks.
const hotShards = 16

// hotEntries remembers entries that were lately written or read, missing ones
// included, up to a number of bytes. Only the committer puts into it, after the
// commit, so what it tells is committed and never older than what was answered
// before; any goroutine may get. A nil *hotEntries remembers nothing.
type hotEntries struct {
	seed   maphash.Seed
	shards [hotShards]hotShard
}

// hotShard evicts by second chance: what was got since it was last looked at stays.
type hotShard struct {
	mutex   sync.RWMutex
	entries map[entryName]*list.Element
	// queue holds *hotEntry, the next to be looked at in front.
	queue *list.List
	bytes int
	limit int
}

type hotEntry struct {
	version *entryVersion
	got     atomic.Bool
}

// newHotEntries returns a cache of at most so many bytes; nil for none.
func newHotEntries(limit int) *hotEntries {
	if limit <= 0 {
		return nil
	}
	hot := &hotEntries{seed: maphash.MakeSeed()}
	for index := range hot.shards {
		hot.shards[index] = hotShard{entries: map[entryName]*list.Element{}, queue: list.New(), limit: limit / hotShards}
	}
	return hot
}

func (hot *hotEntries) shard(name entryName) *hotShard {
	return &hot.shards[maphash.Comparable(hot.seed, name)%hotShards]
}

// get returns what is remembered of a key, nil where nothing is.
func (hot *hotEntries) get(name entryName) *entryVersion {
	if hot == nil {
		return nil
	}
	shard := hot.shard(name)
	shard.mutex.RLock()
	defer shard.mutex.RUnlock()
	element, known := shard.entries[name]
	if !known {
		return nil
	}
	entry := element.Value.(*hotEntry)
	if !entry.got.Load() {
		entry.got.Store(true)
	}
	return entry.version
}

// put remembers a version in place of the one before.
func (hot *hotEntries) put(version *entryVersion) {
	if hot == nil {
		return
	}
	shard := hot.shard(version.entryName)
	shard.mutex.Lock()
	defer shard.mutex.Unlock()
	if element, known := shard.entries[version.entryName]; known {
		entry := element.Value.(*hotEntry)
		shard.bytes += version.memory() - entry.version.memory()
		entry.version = version
	} else {
		shard.entries[version.entryName] = shard.queue.PushBack(&hotEntry{version: version})
		shard.bytes += version.memory()
	}
	shard.evict()
}

func (shard *hotShard) evict() {
	for shard.bytes > shard.limit && shard.queue.Len() > 0 {
		element := shard.queue.Front()
		entry := element.Value.(*hotEntry)
		if entry.got.Swap(false) {
			shard.queue.MoveToBack(element)
			continue
		}
		shard.queue.Remove(element)
		delete(shard.entries, entry.version.entryName)
		shard.bytes -= entry.version.memory()
	}
}
