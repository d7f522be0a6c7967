// SPDX-License-Identifier: EUPL-1.2

package changelog

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/store/internal/kv"
)

// drawEvents returns changes such as a batch can hold, in the order of the log.
func drawEvents(t *rapid.T) []Event {
	namespaces := rapid.SampledFrom([]string{"", "acme", "ACME", "tenant-a"})
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "config", "\x00", "\xff\xfe", "a:b"}), rapid.String())
	long := rapid.Map(rapid.IntRange(longValueBytes-1, longValueBytes+1), func(length int) string { return strings.Repeat("v", length) })
	revisions := map[string]uint64{}
	events := make([]Event, rapid.IntRange(1, 20).Draw(t, "events"))
	for index := range events {
		event := &events[index]
		event.Type = EventType(rapid.IntRange(int(EventSet), int(EventExpire)).Draw(t, "type"))
		event.Namespace = namespaces.Draw(t, "namespace")
		if revisions[event.Namespace] == 0 {
			revisions[event.Namespace] = rapid.Uint64Range(1, math.MaxInt64).Draw(t, "first revision")
		}
		event.Revision = revisions[event.Namespace]
		revisions[event.Namespace]++
		event.Group = kv.WholeGroup(event.Namespace, text.Draw(t, "group"))
		event.Previous = rapid.Uint64().Draw(t, "previous")
		if event.Type != EventDeleteGroup {
			event.Key = text.Draw(t, "key")
		}
		if event.Type == EventSet {
			event.Value = rapid.OneOf(text, long).Draw(t, "value")
			event.Created = rapid.Bool().Draw(t, "created")
		}
		if milliseconds := rapid.Int64Range(-1<<40, 1<<50).Draw(t, "expiry"); milliseconds%2 == 0 {
			event.ExpiresAt = kv.TimeOfMilliseconds(milliseconds)
		}
		if first := rapid.Uint64Range(0, 3).Draw(t, "transaction"); first > 0 {
			event.TransactionFirst, event.TransactionLast = first, first+rapid.Uint64Range(0, 300).Draw(t, "transaction's length")
		}
		event.TraceParent = text.Draw(t, "trace parent")
		event.fromCaller = rapid.Bool().Draw(t, "from caller")
		event.replaced = rapid.Int64Range(0, 1<<40).Draw(t, "replaced")
		event.groups = int8(rapid.IntRange(-1, 1).Draw(t, "groups"))
	}
	return events
}

// sectionsOf puts events into the sections of their namespaces.
func sectionsOf(events []Event) (sections []*NamespaceChanges) {
	namespaces := map[string]*NamespaceChanges{}
	for index := range events {
		event := &events[index]
		section := namespaces[event.Namespace]
		if section == nil {
			section = &NamespaceChanges{Namespace: event.Namespace, FirstRevision: event.Revision}
			namespaces[event.Namespace] = section
			sections = append(sections, section)
		}
		section.Add(event)
	}
	return sections
}

// byNamespace splits events, whose order is only kept within a namespace.
func byNamespace(events []Event) map[string][]Event {
	split := map[string][]Event{}
	for _, event := range events {
		split[event.Namespace] = append(split[event.Namespace], event)
	}
	return split
}

func TestChanges_EncodeChanges_Good(t *testing.T) {
	committedAt := time.Date(2026, time.March, 1, 12, 0, 0, 7, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		for index := range events {
			events[index].Timestamp = committedAt
		}
		encoded := EncodeChanges(sectionsOf(events))
		require.Equal(t, len(events), encoded.Count)
		decoded, err := decodeEvents(encoded.Blob, committedAt)
		require.NoError(t, err)
		require.Equal(t, byNamespace(events), byNamespace(decoded))
	})
}

func TestChanges_ReadChanges_Good(t *testing.T) {
	events := []Event{
		{Namespace: "acme", Group: "acme:g", Key: "a", Revision: 5},
		{Namespace: "other", Group: "other:g", Key: "b", Revision: 9},
		{Namespace: "acme", Group: "acme:g", Key: "c", Revision: 6},
		{Namespace: "acme", Group: "acme:g", Key: "d", Revision: 7},
	}
	sections := sectionsOf(events)
	blob := EncodeChanges(sections).Blob
	t.Run("SkipsWhatIsNotWanted", func(t *testing.T) {
		var headers []NamespaceChanges
		var keys []string
		require.NoError(t, ReadChanges(blob, time.Time{}, func(header NamespaceChanges) func(*Event) bool {
			headers = append(headers, header)
			if header.Namespace != "acme" {
				return nil
			}
			return func(event *Event) bool {
				keys = append(keys, event.Key)
				return event.Key != "c"
			}
		}))
		assert.Equal(t, []NamespaceChanges{{Namespace: "acme", FirstRevision: 5, Count: 3, Bytes: sections[0].Bytes}, {Namespace: "other", FirstRevision: 9, Count: 1, Bytes: sections[1].Bytes}}, headers)
		assert.Equal(t, uint64(len(blob)), HeadBytes+headers[0].Bytes+headers[1].Bytes)
		assert.Equal(t, []string{"a", "c"}, keys)
	})
}

// TestChanges_Thin_Good leaves some namespaces out. The rest is as if it had been alone.
func TestChanges_Thin_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		sections := sectionsOf(events)
		left := map[string]bool{}
		var kept []*NamespaceChanges
		for _, section := range sections {
			if left[section.Namespace] = rapid.Bool().Draw(t, "stays"); left[section.Namespace] {
				kept = append(kept, section)
			}
		}
		var gone []Event
		thinned, err := Thin(EncodeChanges(sections).Blob, time.Time{}, func(section *NamespaceChanges) bool { return left[section.Namespace] }, func(event *Event) {
			gone = append(gone, *event)
		})
		require.NoError(t, err)
		if len(kept) == 0 {
			require.Empty(t, thinned)
		} else {
			require.Equal(t, EncodeChanges(kept).Blob, thinned)
		}
		all, err := decodeEvents(EncodeChanges(sections).Blob, time.Time{})
		require.NoError(t, err)
		want := byNamespace(all)
		maps.DeleteFunc(want, func(namespace string, _ []Event) bool { return left[namespace] })
		require.Equal(t, want, byNamespace(gone))
	})
}

func TestChanges_ReadChanges_Bad(t *testing.T) {
	events := []Event{
		{Type: EventSet, Namespace: "acme", Group: "acme:g", Key: "a", Value: "value", Revision: 1, Created: true, ExpiresAt: time.UnixMilli(5), TransactionFirst: 1, TransactionLast: 300, TraceParent: "trace"},
		{Type: EventDelete, Namespace: "acme", Group: "acme:g", Key: "a", Revision: 2},
	}
	blob := EncodeChanges(sectionsOf(events)).Blob
	for length := range blob {
		_, err := decodeEvents(blob[:length], time.Time{})
		require.ErrorIs(t, err, ErrDamaged, "cut at %d", length)
		if length > headerBytes {
			// As it would be if the checksum had been made of it.
			_, err = decodeEvents(blobOf(blob[headerBytes:length]), time.Time{})
			require.ErrorIs(t, err, ErrDamaged, "cut at %d", length)
		}
	}
	for position := range blob {
		for bit := range 8 {
			flipped := slices.Clone(blob)
			flipped[position] ^= 1 << bit
			_, err := decodeEvents(flipped, time.Time{})
			require.ErrorIs(t, err, ErrDamaged, "bit %d of byte %d", bit, position)
		}
	}
	for name, sections := range map[string][]byte{
		"NumberWithoutEnd":  {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"TextBeyondTheEnd":  {5, 'a'},
		"HugeText":          {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 'a'},
		"MoreChangesThanIs": {0, 1, 200, 0},
		"LessChangesThanIs": append([]byte{4, 'a', 'c', 'm', 'e', 1, 1}, blob[headerBytes+7:]...),
	} {
		_, err := decodeEvents(blobOf(sections), time.Time{})
		require.ErrorIs(t, err, ErrDamaged, name)
	}
}

// blobOf returns sections as a blob.
func blobOf(sections []byte) []byte {
	blob := append(make([]byte, headerBytes), sections...)
	seal(blob)
	return blob
}

// FuzzReadChanges gives the decoder anything at all: it never panics, and what it
// takes it makes the same of again.
func FuzzReadChanges(f *testing.F) {
	f.Add([]byte{})
	f.Add(EncodeChanges(sectionsOf([]Event{
		{Type: EventSet, Namespace: "acme", Group: "acme:g", Key: "a", Value: "value", Revision: 1, Created: true, ExpiresAt: time.UnixMilli(5), TransactionFirst: 1, TransactionLast: 300, TraceParent: "trace"},
		{Type: EventExpire, Group: "\xff", Key: "\x00", Revision: 1 << 60, Previous: 3, replaced: 70, groups: -1},
		{Type: EventDeleteGroup, Namespace: "acme", Group: "acme:", Revision: 2, fromCaller: true},
	})).Blob[headerBytes:])
	f.Fuzz(func(t *testing.T, sections []byte) {
		events, err := decodeEvents(blobOf(sections), time.Time{})
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		require.LessOrEqual(t, len(events), len(sections))
		for _, event := range events {
			// Each in a section of its own: revisions need not be dense here.
			again, err := decodeEvents(EncodeChanges(sectionsOf([]Event{event})).Blob, time.Time{})
			require.NoError(t, err)
			if event.TransactionFirst == 0 {
				event.TransactionLast = 0
			}
			require.Equal(t, []Event{event}, again)
		}
	})
}
