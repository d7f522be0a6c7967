// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"

	"dappco.re/go/storebus/store/internal/kv"
)

const (
	// hotShards spreads the hot entries over locks.
	hotShards = 16
	// segmentBytes is how much is forgotten at once, and segmentsPerShard how many
	// segments a shard is made of at least.
	segmentBytes     = 256 << 10
	segmentsPerShard = 4
	// recordBytes is the size of an entry without its texts, with its place.
	recordBytes = 88
)

// Hot remembers entries that were lately written or read, missing ones included, up to a
// number of bytes. Only the committer puts entries into it, after the commit. So its entries
// are committed, and never older than earlier answers. Any goroutine may get entries. A nil
// *Hot remembers nothing.
//
// The entries lie one behind the other in segments that hold no pointers: however
// many there are, the garbage collector has nothing to look at.
type Hot struct {
	seed   maphash.Seed
	shards [hotShards]hotShard
	// deletions hide entries that were deleted with their group.
	deletions hotDeletions
	// changing is set while the entries of a commit are put.
	changing atomic.Bool
}

// hotShard forgets its oldest segment for each new one, with a second chance: an entry that was
// read since it was put is put again.
type hotShard struct {
	mutex sync.RWMutex
	// places are the places of entries, by the hash of their names. If two names have one
	// hash, the later one is remembered.
	places map[uint64]hotPlace
	// segments are the newest ones, the one being filled last; first is the number of
	// the oldest, counted from the beginning.
	segments []*hotSegment
	first    uint32
	// segmentBytes is the size of a segment, and limit how many there are at most.
	segmentBytes int
	limit        int
	deletions    *hotDeletions
}

// hotPlace is the number of a segment and the index of a record in it.
type hotPlace struct{ segment, record uint32 }

type hotSegment struct {
	records []hotRecord
	texts   []byte
}

// hotRecord is an entry without its texts. They are at offset: group, key, value.
type hotRecord struct {
	hash      uint64
	revision  uint64
	updatedAt int64
	expiresAt int64
	offset    uint32
	group     uint32
	key       uint32
	value     uint32
	// room is how long a value may be that takes the place of this one.
	room uint32
	// got is 1 if the entry was read, or written again. It becomes 0 if the record is kept in a new
	// segment.
	got uint32
}

// NewHot returns a memory of at most limit bytes, nil if limit is not positive.
func NewHot(limit int) *Hot {
	if limit <= 0 {
		return nil
	}
	hot := &Hot{seed: maphash.MakeSeed()}
	perShard := limit / hotShards
	size := min(segmentBytes, perShard/segmentsPerShard)
	for index := range hot.shards {
		hot.shards[index] = hotShard{places: map[uint64]hotPlace{}, segmentBytes: size, limit: perShard / max(size, 1), deletions: &hot.deletions}
	}
	return hot
}

// place returns the shard and the hash of a name.
func (hot *Hot) place(name kv.EntryName) (*hotShard, uint64) {
	// A rotation keeps the two names apart, so that (a, b) is not (b, a).
	hash := bits.RotateLeft64(maphash.String(hot.seed, name.Group), 1) ^ maphash.String(hot.seed, name.Key)
	return &hot.shards[hash%hotShards], hash
}

// Read returns the remembered entry of a key, for any goroutine. If into is not nil, the value is
// appended there, and not in the state. While the entries of a commit are put, Read finds nothing. A
// reader that has seen one of them must not miss another; the committer answers when all are there.
func (hot *Hot) Read(name kv.EntryName, into *[]byte) (kv.EntryState, bool) {
	if hot == nil || hot.changing.Load() {
		return kv.EntryState{}, false
	}
	return hot.get(name, true, into)
}

// get returns the remembered entry of a key, with or without its value.
func (hot *Hot) get(name kv.EntryName, withValue bool, into *[]byte) (state kv.EntryState, known bool) {
	if hot == nil {
		return state, false
	}
	shard, hash := hot.place(name)
	shard.mutex.RLock()
	defer shard.mutex.RUnlock()
	segment, record := shard.find(hash)
	if record == nil || !segment.names(record, name) {
		return state, false
	}
	// Looking first spares the cache line of a hot entry.
	if atomic.LoadUint32(&record.got) == 0 {
		atomic.StoreUint32(&record.got, 1)
	}
	state = kv.EntryState{Revision: record.revision, UpdatedAt: record.updatedAt, ExpiresAt: record.expiresAt, Bytes: int(record.value)}
	if hot.deletions.hide(name.Group, &state) {
		return kv.EntryState{}, true
	}
	begin := record.offset + record.group + record.key
	if value := segment.texts[begin : begin+record.value]; into != nil {
		*into = append(*into, value...)
	} else if withValue {
		state.Value = string(value)
	}
	return state, true
}

// find returns the record of a hash, nil if there is none.
func (shard *hotShard) find(hash uint64) (*hotSegment, *hotRecord) {
	place, known := shard.places[hash]
	if !known {
		return nil, nil
	}
	segment := shard.segments[place.segment-shard.first]
	return segment, &segment.records[place.record]
}

// names reports whether a record has a name.
func (segment *hotSegment) names(record *hotRecord, name kv.EntryName) bool {
	if int(record.group) != len(name.Group) || int(record.key) != len(name.Key) {
		return false
	}
	texts := segment.texts[record.offset:]
	return string(texts[:record.group]) == name.Group && string(texts[record.group:record.group+record.key]) == name.Key
}

// putAll remembers the changes of a commit.
func (hot *Hot) putAll(changes *Slice) {
	if hot == nil {
		return
	}
	hot.changing.Store(true)
	defer hot.changing.Store(false)
	hot.deleteGroups(changes.deletions)
	// Each lock is taken once for all entries of its shard.
	var locked [hotShards]bool
	for _, version := range changes.entries {
		shard, hash := hot.place(version.EntryName)
		if index := hash % hotShards; !locked[index] {
			locked[index] = true
			shard.mutex.Lock()
		}
		shard.put(hash, version.EntryName, &version.EntryState)
	}
	for index := range locked {
		if locked[index] {
			hot.shards[index].mutex.Unlock()
		}
	}
}

// put remembers a state in place of the one before.
func (hot *Hot) put(name kv.EntryName, state *kv.EntryState) {
	if hot == nil {
		return
	}
	shard, hash := hot.place(name)
	shard.mutex.Lock()
	defer shard.mutex.Unlock()
	shard.put(hash, name, state)
}

// put remembers a state in place of the one before, and in its memory if it has room there. An entry
// larger than a segment is not remembered. The caller has the mutex.
func (shard *hotShard) put(hash uint64, name kv.EntryName, state *kv.EntryState) {
	value := uint32(len(state.Value))
	record := hotRecord{
		hash: hash, revision: state.Revision, updatedAt: state.UpdatedAt, expiresAt: state.ExpiresAt,
		group: uint32(len(name.Group)), key: uint32(len(name.Key)), value: value, room: value,
	}
	if segment, before := shard.find(hash); before != nil {
		if value <= before.room && segment.names(before, name) {
			record.offset, record.room, record.got = before.offset, before.room, 1
			*before = record
			copy(segment.texts[record.offset+record.group+record.key:], state.Value)
			return
		}
		record.got = before.got
	}
	segment := shard.room(len(name.Group) + len(name.Key) + len(state.Value))
	if segment == nil {
		delete(shard.places, hash)
		return
	}
	record.offset = uint32(len(segment.texts))
	segment.texts = append(append(append(segment.texts, name.Group...), name.Key...), state.Value...)
	shard.add(segment, record)
}

// add makes a record, whose texts are stored already, the record of its hash.
func (shard *hotShard) add(segment *hotSegment, record hotRecord) {
	shard.places[record.hash] = hotPlace{segment: shard.first + uint32(len(shard.segments)) - 1, record: uint32(len(segment.records))}
	segment.records = append(segment.records, record)
}

// bytes is the size of a segment, with the places of its records.
func (segment *hotSegment) bytes() int { return len(segment.texts) + recordBytes*len(segment.records) }

// room returns the segment for texts of a length. It returns nil if they do not fit into a
// segment.
func (shard *hotShard) room(length int) *hotSegment {
	if length+recordBytes > shard.segmentBytes {
		return nil
	}
	for {
		if last := len(shard.segments) - 1; last >= 0 && shard.segments[last].bytes()+recordBytes+length <= shard.segmentBytes {
			return shard.segments[last]
		}
		shard.turn()
	}
}

// turn begins a new segment, in place of the oldest if there are enough. Of that one at most
// half the entries get their second chance, so that each turn makes room.
func (shard *hotShard) turn() {
	if count := len(shard.segments); count < shard.limit {
		fresh := &hotSegment{}
		if count > 0 { // the first one grows as it is needed, the others are like it
			full := shard.segments[count-1]
			fresh.records, fresh.texts = make([]hotRecord, 0, len(full.records)), make([]byte, 0, len(full.texts))
		}
		shard.segments = append(shard.segments, fresh)
		return
	}
	oldest, number := shard.segments[0], shard.first
	fresh := &hotSegment{records: make([]hotRecord, 0, len(oldest.records)), texts: make([]byte, 0, len(oldest.texts))}
	copy(shard.segments, shard.segments[1:])
	shard.segments[len(shard.segments)-1] = fresh
	shard.first++
	for index := range oldest.records {
		record := &oldest.records[index]
		if place, known := shard.places[record.hash]; !known || place != (hotPlace{segment: number, record: uint32(index)}) {
			continue // another record has replaced it, or it was forgotten because the new one is too large
		}
		if record.got == 0 || fresh.bytes() > shard.segmentBytes/2 || shard.hides(oldest, record) {
			delete(shard.places, record.hash)
			continue
		}
		shard.keep(fresh, oldest, *record)
	}
}

// hides reports whether a record was deleted with its group.
func (shard *hotShard) hides(segment *hotSegment, record *hotRecord) bool {
	if shard.deletions.none() {
		return false
	}
	group := segment.texts[record.offset : record.offset+record.group]
	return shard.deletions.hide(string(group), &kv.EntryState{Revision: record.revision})
}

// keep puts a record of another segment again.
func (shard *hotShard) keep(segment, from *hotSegment, record hotRecord) {
	end := record.offset + record.group + record.key + record.value
	texts := from.texts[record.offset:end]
	record.offset, record.room, record.got = uint32(len(segment.texts)), record.value, 0
	segment.texts = append(segment.texts, texts...)
	shard.add(segment, record)
}
