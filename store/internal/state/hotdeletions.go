// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"sync"
	"sync/atomic"

	"dappco.re/go/storebus/store/internal/kv"
)

// maxHotDeletions is how many deletions are kept in mind before everything is
// forgotten at once.
const maxHotDeletions = 1 << 16

// hotDeletions are the deleted groups whose entries may still be remembered. An entry at the
// revision of the deletion or below does not exist. A deletion is kept until every segment of
// its time is gone.
type hotDeletions struct {
	count     atomic.Int32
	mutex     sync.RWMutex
	revisions map[string]uint64
	// inMind has each deletion once, the oldest first.
	inMind []hotDeletion
}

type hotDeletion struct {
	kv.Deletion
	// after is the number of the next segment, in each shard, at the time.
	after [hotShards]uint32
}

// none reports whether nothing is hidden, as is so most of the time. It spares the lock.
func (deletions *hotDeletions) none() bool { return deletions.count.Load() == 0 }

// hide reports whether a state was deleted with its group.
func (deletions *hotDeletions) hide(group string, state *kv.EntryState) bool {
	if deletions.none() {
		return false
	}
	deletions.mutex.RLock()
	defer deletions.mutex.RUnlock()
	return kv.Deletion{Revision: deletions.revisions[group]}.Hides(state)
}

// deleteGroups hides the remembered entries of groups.
func (hot *Hot) deleteGroups(groups []named[uint64]) {
	if len(groups) == 0 {
		return
	}
	hot.forgetDeletions()
	deletions, after := &hot.deletions, hot.next()
	deletions.mutex.Lock()
	defer deletions.mutex.Unlock()
	if deletions.revisions == nil {
		deletions.revisions = map[string]uint64{}
	}
	for _, deleted := range groups {
		deletions.revisions[deleted.name] = deleted.state
		deletions.inMind = append(deletions.inMind, hotDeletion{Deletion: kv.Deletion{Group: deleted.name, Revision: deleted.state}, after: after})
	}
	deletions.count.Store(int32(len(deletions.inMind)))
}

// forgetDeletions drops the deletions whose entries are gone, and if there are too many of them
// the entries too.
func (hot *Hot) forgetDeletions() {
	deletions := &hot.deletions
	if len(deletions.inMind) > maxHotDeletions {
		hot.forgetAll()
	}
	oldest := hot.oldest()
	gone := 0
	for gone < len(deletions.inMind) && deletions.inMind[gone].isGone(&oldest) {
		gone++
	}
	if gone == 0 {
		return
	}
	deletions.mutex.Lock()
	defer deletions.mutex.Unlock()
	for _, deleted := range deletions.inMind[:gone] {
		if deletions.revisions[deleted.Group] == deleted.Revision { // else it was deleted again
			delete(deletions.revisions, deleted.Group)
		}
	}
	deletions.inMind = append([]hotDeletion(nil), deletions.inMind[gone:]...)
	deletions.count.Store(int32(len(deletions.inMind)))
}

func (deletion *hotDeletion) isGone(oldest *[hotShards]uint32) bool {
	for shard := range oldest {
		if oldest[shard] < deletion.after[shard] {
			return false
		}
	}
	return true
}

// oldest and next are the numbers of the first segment and of the next in each shard.
// They are for the committer, which alone changes them.
func (hot *Hot) oldest() (numbers [hotShards]uint32) {
	for index := range hot.shards {
		numbers[index] = hot.shards[index].first
	}
	return numbers
}

func (hot *Hot) next() (numbers [hotShards]uint32) {
	for index := range hot.shards {
		shard := &hot.shards[index]
		numbers[index] = shard.first + uint32(len(shard.segments))
	}
	return numbers
}

// forgetAll empties every shard.
func (hot *Hot) forgetAll() {
	for index := range hot.shards {
		shard := &hot.shards[index]
		shard.mutex.Lock()
		shard.first += uint32(len(shard.segments))
		shard.segments, shard.places = nil, map[uint64]hotPlace{}
		shard.mutex.Unlock()
	}
}
