// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/subjects"
)

// longest is a time that takes as many bytes as any.
var longest = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)

// longestEvent is an event with everything at its longest but its names.
func longestEvent(group, key, value string) subjects.EventRecord {
	return subjects.EventRecord{
		Revision: math.MaxUint64, Previous: math.MaxUint64, Type: subjects.EventSet,
		Store: strings.Repeat("s", subjects.MaxStoreBytes), Namespace: strings.Repeat("n", subjects.MaxNamespaceBytes),
		Group: group, Key: key, Value: value, Created: false, ExpiresAt: longest, Timestamp: longest,
		TransactionFirst: math.MaxUint64, TransactionLast: math.MaxUint64,
	}
}

func longestEntry(group, key, value string) subjects.EntryRecord {
	return subjects.EntryRecord{Group: group, Key: key, Value: value, Revision: math.MaxUint64, UpdatedAt: longest, ExpiresAt: longest}
}

func TestSize_EntrySize_Good(t *testing.T) {
	t.Run("NeverBelowTheEncoding", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			group, key, value := anyName.Draw(t, "group"), anyName.Draw(t, "key"), anyValue.Draw(t, "value")
			size := subjects.EntrySize(group, key, value)
			event, entry := longestEvent(group, key, value), longestEntry(group, key, value)
			require.LessOrEqual(t, len(subjects.AppendEvent(nil, &event)), size)
			require.LessOrEqual(t, len(subjects.AppendEntry(nil, &entry)), size)
		})
	})
	t.Run("ValueCountsExactly", func(t *testing.T) {
		empty := subjects.EntrySize("g", "k", "")
		assert.Equal(t, empty+4, subjects.EntrySize("g", "k", "dark"))
		assert.Equal(t, empty+12, subjects.EntrySize("g", "k", "\x00\x1f"))
		assert.Equal(t, empty+14, subjects.EntrySize("g", "k", "\"\\\b\f\n\r\t"))
		assert.Equal(t, empty+4, subjects.EntrySize("g", "k", "\x7f\u00fc&"))
		assert.Equal(t, empty+4, subjects.EntrySize("g", "k", "\xff"))
		assert.Equal(t, empty+8, subjects.EntrySize("g", "k", "\xff\xff\xff\xff"))
	})
	t.Run("EnvelopeIsNotTooTight", func(t *testing.T) {
		event := longestEvent("", "", "\xff")
		assert.Less(t, len(subjects.AppendEvent(nil, &event))+len(`,"value_omitted":true`), subjects.EnvelopeBytes)
	})
}

func TestSize_OmitBeyond_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entry := longestEntry(anyName.Draw(t, "group"), anyName.Draw(t, "key"), anyValue.Draw(t, "value"))
		whole := entry.Size()
		for _, limit := range []int{whole, 10 * whole} {
			entry.OmitBeyond(limit)
			require.False(t, entry.ValueOmitted)
		}
		entry.OmitBeyond(whole - 1)
		require.True(t, entry.ValueOmitted)
		require.Less(t, entry.Size(), whole)
		require.LessOrEqual(t, len(subjects.AppendEntry(nil, &entry)), entry.Size())
		entry.ValueOmitted, entry.KeysOnly = false, true
		entry.OmitBeyond(0)
		require.False(t, entry.ValueOmitted, "there is no value to leave out")
	})
}

func TestSize_EntryFits_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		group, key, value := anyName.Draw(t, "group"), anyName.Draw(t, "key"), anyValue.Draw(t, "value")
		size := subjects.EntrySize(group, key, value)
		require.True(t, subjects.EntryFits(group, key, value, size))
		require.True(t, subjects.EntryFits(group, key, value, 10*size))
		require.False(t, subjects.EntryFits(group, key, value, size-1))
	})
}

func TestSize_Size_Good(t *testing.T) {
	t.Run("NeverBelowTheEncoding", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			entry, event := anyEntry.Draw(t, "entry"), anyEvent.Draw(t, "event")
			require.Less(t, len(subjects.AppendEntry(nil, &entry)), entry.Size())
			require.Less(t, len(subjects.AppendEvent(nil, &event)), event.Size())
		})
	})
	t.Run("NorAtTheLongest", func(t *testing.T) {
		entry, event := longestEntry("g", "k", "\xff"), longestEvent("g", "k", "\xff")
		assert.Less(t, len(subjects.AppendEntry(nil, &entry)), entry.Size())
		assert.Less(t, len(subjects.AppendEvent(nil, &event)), event.Size())
		for _, kind := range []subjects.EventType{subjects.EventDelete, subjects.EventDeleteGroup, subjects.EventTouch, subjects.EventExpire, subjects.EventSet} {
			event.Type, event.ValueOmitted = kind, true
			assert.Less(t, len(subjects.AppendEvent(nil, &event)), event.Size())
		}
	})
	t.Run("PageFitsWhereItsElementsDo", func(t *testing.T) {
		cursor := strings.Repeat("c", subjects.MaxCursorBytes)
		list := subjects.ListRecord{Next: cursor, Revision: math.MaxUint64, Store: strings.Repeat("s", subjects.MaxStoreBytes)}
		changes := subjects.ChangesRecord{Next: math.MaxUint64, Oldest: math.MaxUint64, Revision: math.MaxUint64, Store: list.Store}
		size := subjects.PageBytes
		for range 100 {
			list.Entries = append(list.Entries, longestEntry("g", "k", "v"))
			changes.Changes = append(changes.Changes, longestEvent("g", "k", "v"))
		}
		for index := range list.Entries {
			size += list.Entries[index].Size()
		}
		assert.LessOrEqual(t, len(subjects.AppendList(nil, &list)), size)
		for index := range changes.Changes {
			size += changes.Changes[index].Size() - list.Entries[index].Size()
		}
		assert.LessOrEqual(t, len(subjects.AppendChanges(nil, &changes)), size)
	})
}

func BenchmarkEntrySize(b *testing.B) {
	for _, size := range []int{128, 16 << 10} {
		value := strings.Repeat("v", size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !subjects.EntryFits("config", "theme", value, 5*size) && size > 1<<10 {
					b.Fatal("a plain value does not grow five times")
				}
			}
		})
	}
}
