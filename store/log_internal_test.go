// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"math"
	"slices"
	"testing"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawEvents returns changes such as a batch can hold, in the order of the log.
func drawEvents(t *rapid.T) []Event {
	namespaces := rapid.SampledFrom([]string{"", "acme", "ACME", "tenant-a"})
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "config", "\x00", "\xff\xfe", "a:b"}), rapid.String())
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
		event.Group = wholeGroup(event.Namespace, text.Draw(t, "group"))
		event.Previous = rapid.Uint64().Draw(t, "previous")
		if event.Type != EventDeleteGroup {
			event.Key = text.Draw(t, "key")
		}
		if event.Type == EventSet {
			event.Value = text.Draw(t, "value")
			event.Created = rapid.Bool().Draw(t, "created")
		}
		if milliseconds := rapid.Int64Range(-1<<40, 1<<50).Draw(t, "expiry"); milliseconds%2 == 0 {
			event.ExpiresAt = timeOfMilliseconds(milliseconds)
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

// sectionsOf puts events into sections as a batch does.
func sectionsOf(events []Event) []*section {
	batch := &batch{}
	namespaces := map[string]*namespaceChange{}
	for index := range events {
		event := &events[index]
		if namespaces[event.Namespace] == nil {
			namespaces[event.Namespace] = &namespaceChange{}
		}
		batch.log(namespaces[event.Namespace], event)
	}
	return batch.sections
}

// byNamespace splits events, whose order is only kept within a namespace.
func byNamespace(events []Event) map[string][]Event {
	split := map[string][]Event{}
	for _, event := range events {
		split[event.Namespace] = append(split[event.Namespace], event)
	}
	return split
}

func TestLog_EncodeCommit_Good(t *testing.T) {
	committedAt := time.Date(2026, time.March, 1, 12, 0, 0, 7, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		for index := range events {
			events[index].Timestamp = committedAt
		}
		encoded := encodeCommit(sectionsOf(events))
		require.Equal(t, len(events), encoded.events)
		decoded, err := decodeEvents(encoded.blob, committedAt)
		require.NoError(t, err)
		require.Equal(t, byNamespace(events), byNamespace(decoded))
	})
}

func TestLog_DecodeSections_Good(t *testing.T) {
	events := []Event{
		{Namespace: "acme", Group: "acme:g", Key: "a", Revision: 5},
		{Namespace: "other", Group: "other:g", Key: "b", Revision: 9},
		{Namespace: "acme", Group: "acme:g", Key: "c", Revision: 6},
		{Namespace: "acme", Group: "acme:g", Key: "d", Revision: 7},
	}
	blob := encodeCommit(sectionsOf(events)).blob
	t.Run("SkipsWhatIsNotWanted", func(t *testing.T) {
		var headers []sectionHeader
		var keys []string
		require.NoError(t, decodeSections(blob, time.Time{}, func(header sectionHeader) func(*Event) bool {
			headers = append(headers, header)
			if header.namespace != "acme" {
				return nil
			}
			return func(event *Event) bool {
				keys = append(keys, event.Key)
				return event.Key != "c"
			}
		}))
		assert.Equal(t, []sectionHeader{{"acme", 5, 3}, {"other", 9, 1}}, headers)
		assert.Equal(t, []string{"a", "c"}, keys)
	})
}

func TestLog_DecodeSections_Bad(t *testing.T) {
	events := []Event{
		{Type: EventSet, Namespace: "acme", Group: "acme:g", Key: "a", Value: "value", Revision: 1, Created: true, ExpiresAt: time.UnixMilli(5), TransactionFirst: 1, TransactionLast: 300, TraceParent: "trace"},
		{Type: EventDelete, Namespace: "acme", Group: "acme:g", Key: "a", Revision: 2},
	}
	blob := encodeCommit(sectionsOf(events)).blob
	for length := range blob {
		_, err := decodeEvents(blob[:length], time.Time{})
		require.ErrorIs(t, err, changelog.ErrDamaged, "cut at %d", length)
		if length > changelog.HeaderBytes {
			// As it would be if the checksum had been made of it.
			_, err = decodeEvents(blobOf(blob[changelog.HeaderBytes:length]), time.Time{})
			require.ErrorIs(t, err, changelog.ErrDamaged, "cut at %d", length)
		}
	}
	for position := range blob {
		for bit := range 8 {
			flipped := slices.Clone(blob)
			flipped[position] ^= 1 << bit
			_, err := decodeEvents(flipped, time.Time{})
			require.ErrorIs(t, err, changelog.ErrDamaged, "bit %d of byte %d", bit, position)
		}
	}
	for name, sections := range map[string][]byte{
		"NumberWithoutEnd":  {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"TextBeyondTheEnd":  {5, 'a'},
		"HugeText":          {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 'a'},
		"MoreChangesThanIs": {0, 1, 200, 0},
		"LessChangesThanIs": append([]byte{4, 'a', 'c', 'm', 'e', 1, 1}, blob[changelog.HeaderBytes+7:]...),
	} {
		_, err := decodeEvents(blobOf(sections), time.Time{})
		require.ErrorIs(t, err, changelog.ErrDamaged, name)
	}
}

// blobOf returns sections as a blob.
func blobOf(sections []byte) []byte {
	blob := append(make([]byte, changelog.HeaderBytes), sections...)
	changelog.Seal(blob)
	return blob
}

// FuzzDecodeSections gives the decoder anything at all: it never panics, and what it
// takes it makes the same of again.
func FuzzDecodeSections(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeCommit(sectionsOf([]Event{
		{Type: EventSet, Namespace: "acme", Group: "acme:g", Key: "a", Value: "value", Revision: 1, Created: true, ExpiresAt: time.UnixMilli(5), TransactionFirst: 1, TransactionLast: 300, TraceParent: "trace"},
		{Type: EventExpire, Group: "\xff", Key: "\x00", Revision: 1 << 60, Previous: 3, replaced: 70, groups: -1},
		{Type: EventDeleteGroup, Namespace: "acme", Group: "acme:", Revision: 2, fromCaller: true},
	})).blob[changelog.HeaderBytes:])
	f.Fuzz(func(t *testing.T, sections []byte) {
		events, err := decodeEvents(blobOf(sections), time.Time{})
		if err != nil {
			require.ErrorIs(t, err, changelog.ErrDamaged)
			return
		}
		require.LessOrEqual(t, len(events), len(sections))
		for _, event := range events {
			// Each in a section of its own: revisions need not be dense here.
			again, err := decodeEvents(encodeCommit(sectionsOf([]Event{event})).blob, time.Time{})
			require.NoError(t, err)
			if event.TransactionFirst == 0 {
				event.TransactionLast = 0
			}
			require.Equal(t, []Event{event}, again)
		}
	})
}
