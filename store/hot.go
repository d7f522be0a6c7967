// SPDX-License-Identifier: EUPL-1.2

package store

import (
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
	// changing is set while the entries of a commit are put.
	changing atomic.Bool
}

// hotShard evicts by second chance: what was got since it was last looked at stays.
type hotShard struct {
	mutex   sync.RWMutex
	entries map[entryName]*hotEntry
	// queue holds every entry once, the next to be looked at in front.
	queue []*hotEntry
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
		hot.shards[index] = hotShard{entries: map[entryName]*hotEntry{}, limit: limit / hotShards}
	}
	return hot
}

func (hot *hotEntries) shard(name entryName) *hotShard {
	return &hot.shards[maphash.Comparable(hot.seed, name)%hotShards]
}

// read is get for everybody but the committer. While the entries of a commit are
// put it knows nothing: whoever has seen one of them must not miss another, and the
// committer answers when all are there.
func (hot *hotEntries) read(name entryName) *entryVersion {
	if hot == nil || hot.changing.Load() {
		return nil
	}
	return hot.get(name)
}

// get returns what is remembered of a key, nil where nothing is.
func (hot *hotEntries) get(name entryName) *entryVersion {
	if hot == nil {
		return nil
	}
	shard := hot.shard(name)
	shard.mutex.RLock()
	defer shard.mutex.RUnlock()
	entry, known := shard.entries[name]
	if !known {
		return nil
	}
	// Looking first spares the cache line of a hot entry.
	if !entry.got.Load() {
		entry.got.Store(true)
	}
	return entry.version
}

// putAll remembers what a commit has changed.
func (hot *hotEntries) putAll(versions []*entryVersion) {
	if hot == nil {
		return
	}
	hot.changing.Store(true)
	defer hot.changing.Store(false)
	for _, version := range versions {
		hot.put(version)
	}
}

// put remembers a version in place of the one before.
func (hot *hotEntries) put(version *entryVersion) {
	if hot == nil {
		return
	}
	shard := hot.shard(version.entryName)
	shard.mutex.Lock()
	defer shard.mutex.Unlock()
	entry, known := shard.entries[version.entryName]
	if known {
		shard.bytes -= entry.version.memory()
		entry.version = version
	} else {
		entry = &hotEntry{version: version}
		shard.entries[version.entryName] = entry
		shard.queue = append(shard.queue, entry)
	}
	shard.bytes += version.memory()
	shard.evict()
}

func (shard *hotShard) evict() {
	for shard.bytes > shard.limit && len(shard.queue) > 0 {
		entry := shard.queue[0]
		shard.queue[0] = nil
		shard.queue = shard.queue[1:]
		if entry.got.Swap(false) {
			shard.queue = append(shard.queue, entry)
			continue
		}
		delete(shard.entries, entry.version.entryName)
		shard.bytes -= entry.version.memory()
	}
}
