// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"hash/maphash"
	"math/bits"
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
	// deleted counts the groups that were deleted while entries of them were remembered.
	deleted atomic.Int64
	// groups are those of the entries; they belong to the committer's goroutine.
	groups map[string]*hotGroup
}

// hotGroup is what the remembered entries of a group share. With it a group is
// deleted in one step, however many there are: they leave when they are evicted.
type hotGroup struct {
	// deletedThrough is the revision at or below which entries are not there.
	deletedThrough atomic.Uint64
	entries        int
}

// hotShard evicts by second chance: what was got since it was last looked at stays.
type hotShard struct {
	mutex sync.RWMutex
	// entries are kept by the hash of their names. Of two names with one hash the
	// later is remembered.
	entries map[uint64]*entryVersion
	// queue holds the hash of every entry once, the next to be looked at in front.
	queue []uint64
	bytes int
	limit int
}

// newHotEntries returns a cache of at most so many bytes; nil for none.
func newHotEntries(limit int) *hotEntries {
	if limit <= 0 {
		return nil
	}
	hot := &hotEntries{seed: maphash.MakeSeed(), groups: map[string]*hotGroup{}}
	for index := range hot.shards {
		hot.shards[index] = hotShard{entries: map[uint64]*entryVersion{}, limit: limit / hotShards}
	}
	return hot
}

// place finds where a name is kept.
func (hot *hotEntries) place(name entryName) (*hotShard, uint64) {
	// A rotation keeps the two names apart, so that (a, b) is not (b, a).
	hash := bits.RotateLeft64(maphash.String(hot.seed, name.group), 1) ^ maphash.String(hot.seed, name.key)
	return &hot.shards[hash%hotShards], hash
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
	shard, hash := hot.place(name)
	shard.mutex.RLock()
	defer shard.mutex.RUnlock()
	version, known := shard.entries[hash]
	if !known || version.entryName != name {
		return nil
	}
	// Looking first spares the cache line of a hot entry.
	if !version.got.Load() {
		version.got.Store(true)
	}
	if hot.deleted.Load() > 0 && version.present() && version.revision <= version.hotGroup.deletedThrough.Load() {
		return missing(name)
	}
	return version
}

// putAll remembers what a commit has changed.
func (hot *hotEntries) putAll(changes *slice) {
	if hot == nil {
		return
	}
	hot.changing.Store(true)
	defer hot.changing.Store(false)
	for group, revision := range changes.deletions {
		hot.deleteGroup(group, revision)
	}
	for _, version := range changes.entries {
		hot.put(version)
	}
}

// deleteGroup hides what is remembered of a group.
func (hot *hotEntries) deleteGroup(name string, revision uint64) {
	if group := hot.groups[name]; group != nil && group.deletedThrough.Swap(revision) == 0 {
		hot.deleted.Add(1)
	}
}

// put remembers a version in place of the one before.
func (hot *hotEntries) put(version *entryVersion) {
	if hot == nil {
		return
	}
	shard, hash := hot.place(version.entryName)
	shard.mutex.Lock()
	defer shard.mutex.Unlock()
	if before, known := shard.entries[hash]; known {
		shard.bytes -= before.memory()
		version.got.Store(before.got.Load())
		hot.replace(before, version)
	} else {
		shard.queue = append(shard.queue, hash)
		hot.join(version)
	}
	shard.entries[hash] = version
	shard.bytes += version.memory()
	hot.evict(shard)
}

// replace has a version join its group for one that leaves it.
func (hot *hotEntries) replace(before, version *entryVersion) {
	if before.group == version.group {
		version.hotGroup = before.hotGroup
		return
	}
	hot.leave(before)
	hot.join(version)
}

// join counts an entry to its group.
func (hot *hotEntries) join(version *entryVersion) {
	group := hot.groups[version.group]
	if group == nil {
		group = &hotGroup{}
		hot.groups[version.group] = group
	}
	group.entries++
	version.hotGroup = group
}

// leave forgets the group of an entry that is forgotten, where it was the last one.
func (hot *hotEntries) leave(version *entryVersion) {
	group := version.hotGroup
	if group.entries--; group.entries > 0 {
		return
	}
	delete(hot.groups, version.group)
	if group.deletedThrough.Load() != 0 {
		hot.deleted.Add(-1)
	}
}

func (hot *hotEntries) evict(shard *hotShard) {
	for shard.bytes > shard.limit && len(shard.queue) > 0 {
		hash := shard.queue[0]
		shard.queue = shard.queue[1:]
		version := shard.entries[hash]
		if version.got.Swap(false) {
			shard.queue = append(shard.queue, hash)
			continue
		}
		delete(shard.entries, hash)
		shard.bytes -= version.memory()
		hot.leave(version)
	}
}
