// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/subjects"
)

var (
	moment      = time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.UTC)
	anyRevision = rapid.OneOf(rapid.Uint64(), rapid.Just(uint64(0)), rapid.Just(uint64(math.MaxUint64)))
	anyBytes    = rapid.Map(rapid.SliceOf(rapid.Byte()), func(data []byte) string { return string(data) })
	anyValue    = rapid.OneOf(anyBytes, rapid.String(), anyASCII)
	anyASCII    = rapid.StringOfN(rapid.RuneFrom([]rune("abc\"\\\n\x00\x1f\x7f<&>é")), 0, 64, -1)
	anyName     = rapid.OneOf(rapid.String(), anyASCII)
	anyTime     = rapid.Custom(func(t *rapid.T) time.Time {
		seconds, nanoseconds := rapid.Int64Range(0, 253402300799).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanoseconds")
		return time.Unix(seconds, nanoseconds).In(rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", 3600)}).Draw(t, "zone"))
	})
	anyExpiry = rapid.OneOf(anyTime, rapid.Just(time.Time{}))
	anyEntry  = rapid.Custom(func(t *rapid.T) subjects.EntryRecord {
		return subjects.EntryRecord{
			Group: anyName.Draw(t, "group"), Key: anyName.Draw(t, "key"), Value: anyValue.Draw(t, "value"),
			KeysOnly: rapid.Bool().Draw(t, "keys only"), Revision: anyRevision.Draw(t, "revision"),
			UpdatedAt: anyTime.Draw(t, "updated at"), ExpiresAt: anyExpiry.Draw(t, "expires at"), ValueOmitted: rapid.Bool().Draw(t, "omitted"),
		}
	})
	anyEventType = rapid.SampledFrom([]subjects.EventType{subjects.EventSet, subjects.EventSet, subjects.EventDelete, subjects.EventDeleteGroup, subjects.EventTouch, subjects.EventExpire})
	anyEvent     = rapid.Custom(func(t *rapid.T) subjects.EventRecord {
		return subjects.EventRecord{
			Revision: anyRevision.Draw(t, "revision"), Previous: anyRevision.Draw(t, "previous"), Type: anyEventType.Draw(t, "type"),
			Store: anyName.Draw(t, "store"), Namespace: anyName.Draw(t, "namespace"),
			Group: anyName.Draw(t, "group"), Key: anyName.Draw(t, "key"), Value: anyValue.Draw(t, "value"),
			Created: rapid.Bool().Draw(t, "created"), ExpiresAt: anyExpiry.Draw(t, "expires at"), Timestamp: anyTime.Draw(t, "timestamp"),
			TransactionFirst: anyRevision.Draw(t, "first"), TransactionLast: anyRevision.Draw(t, "last"), ValueOmitted: rapid.Bool().Draw(t, "omitted"),
		}
	})
)

// inUTC is how a time comes back from the wire.
func inUTC(at time.Time) time.Time {
	if at.IsZero() {
		return time.Time{}
	}
	return at.UTC()
}

func entryOf(record subjects.EntryRecord) subjects.Entry {
	entry := subjects.Entry{Group: record.Group, Key: record.Key, Revision: record.Revision, UpdatedAt: inUTC(record.UpdatedAt), ExpiresAt: inUTC(record.ExpiresAt), ValueOmitted: record.ValueOmitted}
	if !record.KeysOnly && !record.ValueOmitted {
		entry.Content = subjects.NewContent(record.Value)
	}
	return entry
}

func eventOf(record subjects.EventRecord) subjects.Event {
	event := subjects.Event{
		Revision: record.Revision, Previous: record.Previous, Type: record.Type, Store: record.Store, Namespace: record.Namespace,
		Group: record.Group, Timestamp: inUTC(record.Timestamp),
	}
	if record.Type != subjects.EventDeleteGroup {
		event.Key = &record.Key
	}
	if record.Type == subjects.EventSet || record.Type == subjects.EventTouch {
		event.ExpiresAt = inUTC(record.ExpiresAt)
	}
	if record.Type == subjects.EventSet {
		event.Created, event.ValueOmitted = &record.Created, record.ValueOmitted
	}
	if record.Type == subjects.EventSet && !record.ValueOmitted {
		event.Content = subjects.NewContent(record.Value)
	}
	if record.TransactionFirst != 0 {
		event.Transaction = &subjects.TransactionRange{First: record.TransactionFirst, Last: record.TransactionLast}
	}
	return event
}

// requireSame requires that the appended bytes are the output of json.Marshal for want, and
// decode to want.
func requireSame[T any](t require.TestingT, want T, appended []byte) {
	marshalled, err := json.Marshal(want)
	require.NoError(t, err)
	require.Equal(t, string(marshalled), string(appended))
	var again T
	require.NoError(t, json.Unmarshal(appended, &again))
	require.Equal(t, want, again)
}

// assertText compares the appended bytes with a text, the order of members included.
func assertText(t *testing.T, want string, appended []byte) {
	t.Helper()
	assert.Equal(t, want, string(appended))
}

func TestEncode_AppendEntry_Good(t *testing.T) {
	t.Run("AsTheContractShowsIt", func(t *testing.T) {
		entry := subjects.EntryRecord{Group: "config", Key: "theme", Value: "dark", Revision: 42, UpdatedAt: moment, ExpiresAt: moment.Add(time.Hour)}
		assertText(t, `x{"group":"config","key":"theme","value":"dark","revision":42,"updated_at":"2026-11-22T10:00:00.123456789Z","expires_at":"2026-11-22T11:00:00.123456789Z"}`,
			subjects.AppendEntry([]byte("x"), &entry))
		entry = subjects.EntryRecord{Group: "g", Key: "k", Value: "\xff", Revision: 1, UpdatedAt: time.Unix(0, 0)}
		assertText(t, `{"group":"g","key":"k","value":"/w==","encoding":"base64","revision":1,"updated_at":"1970-01-01T00:00:00Z"}`,
			subjects.AppendEntry(nil, &entry))
		entry.KeysOnly = true
		assertText(t, `{"group":"g","key":"k","revision":1,"updated_at":"1970-01-01T00:00:00Z"}`, subjects.AppendEntry(nil, &entry))
	})
	t.Run("EmptyValueIsAValue", func(t *testing.T) {
		assert.Contains(t, string(subjects.AppendEntry(nil, &subjects.EntryRecord{UpdatedAt: moment})), `"value":"",`)
	})
	t.Run("SameAsMarshal", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			entry := anyEntry.Draw(t, "entry")
			requireSame(t, entryOf(entry), subjects.AppendEntry(nil, &entry))
		})
	})
}

func TestEncode_AppendEntry_Ugly(t *testing.T) {
	t.Run("NamesThatAreNotUTF8", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			entry := subjects.EntryRecord{Group: anyBytes.Draw(t, "group"), Key: anyBytes.Draw(t, "key"), UpdatedAt: moment}
			data := subjects.AppendEntry(nil, &entry)
			var again subjects.Entry
			require.NoError(t, json.Unmarshal(data, &again))
			assert.Equal(t, strings.ToValidUTF8(entry.Key, "\ufffd"), again.Key)
			assert.LessOrEqual(t, len(data), entry.Size())
		})
	})
}

// TestEncode_CloseEntry_Good compares an entry whose value is appended as it is with AppendEntry.
func TestEncode_CloseEntry_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entry := anyEntry.Draw(t, "entry")
		entry.KeysOnly, entry.ValueOmitted = false, false
		entry.Value = strings.Repeat("v", rapid.IntRange(0, 40).Draw(t, "plain")) + entry.Value
		opened := subjects.OpenEntry([]byte("x"), entry.Group, entry.Key)
		closed := subjects.CloseEntry(append(opened, entry.Value...), len(opened), &subjects.EntryRecord{
			Revision: entry.Revision, UpdatedAt: entry.UpdatedAt, ExpiresAt: entry.ExpiresAt,
		})
		require.Equal(t, string(subjects.AppendEntry([]byte("x"), &entry)), string(closed))
	})
}

func TestEncode_AppendEvent_Good(t *testing.T) {
	t.Run("AsTheContractShowsIt", func(t *testing.T) {
		event := subjects.EventRecord{
			Revision: 42, Previous: 40, Type: subjects.EventSet, Store: "k3F", Namespace: "acme", Group: "config", Key: "theme", Value: "dark",
			Timestamp: moment, TransactionFirst: 41, TransactionLast: 43,
		}
		assertText(t, `x{"revision":42,"previous":40,"type":"set","store":"k3F","namespace":"acme","group":"config","key":"theme","value":"dark",`+
			`"created":false,"timestamp":"2026-11-22T10:00:00.123456789Z","transaction":{"first":41,"last":43}}`, subjects.AppendEvent([]byte("x"), &event))
		event.ValueOmitted, event.TransactionFirst = true, 0
		assertText(t, `{"revision":42,"previous":40,"type":"set","store":"k3F","namespace":"acme","group":"config","key":"theme",`+
			`"created":false,"timestamp":"2026-11-22T10:00:00.123456789Z","value_omitted":true}`, subjects.AppendEvent(nil, &event))
		event.Type = subjects.EventDeleteGroup
		assertText(t, `{"revision":42,"previous":40,"type":"delete_group","store":"k3F","namespace":"acme","group":"config","timestamp":"2026-11-22T10:00:00.123456789Z"}`,
			subjects.AppendEvent(nil, &event))
	})
	t.Run("SameAsMarshal", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			event := anyEvent.Draw(t, "event")
			requireSame(t, eventOf(event), subjects.AppendEvent(nil, &event))
		})
	})
}

func TestEncode_AppendSetReply_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reply := subjects.SetReply{Revision: anyRevision.Draw(t, "revision"), Created: rapid.Bool().Draw(t, "created"), ExpiresAt: inUTC(anyExpiry.Draw(t, "expires at"))}
		requireSame(t, reply, subjects.AppendSetReply(nil, reply))
	})
	assertText(t, `{"revision":42,"created":true}`, subjects.AppendSetReply(nil, subjects.SetReply{Revision: 42, Created: true}))
}

func TestEncode_AppendExistsReply_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reply := subjects.ExistsReply{Exists: rapid.Bool().Draw(t, "exists"), Revision: anyRevision.Draw(t, "revision")}
		requireSame(t, reply, subjects.AppendExistsReply(nil, reply))
	})
	assertText(t, `{"exists":false}`, subjects.AppendExistsReply(nil, subjects.ExistsReply{}))
}

func TestEncode_AppendDeleteReply_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reply := subjects.DeleteReply{Deleted: rapid.Bool().Draw(t, "deleted"), Revision: anyRevision.Draw(t, "revision")}
		requireSame(t, reply, subjects.AppendDeleteReply(nil, reply))
	})
	assertText(t, `{"deleted":false,"revision":0}`, subjects.AppendDeleteReply(nil, subjects.DeleteReply{}))
}

func TestEncode_AppendList_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := subjects.ListRecord{
			Entries: rapid.SliceOfN(anyEntry, 0, 5).Draw(t, "entries"), Next: anyName.Draw(t, "next"),
			Revision: anyRevision.Draw(t, "revision"), Store: anyName.Draw(t, "store"),
		}
		want := subjects.ListReply{Entries: []subjects.Entry{}, Next: page.Next, Revision: page.Revision, Store: page.Store}
		for _, entry := range page.Entries {
			want.Entries = append(want.Entries, entryOf(entry))
		}
		requireSame(t, want, subjects.AppendList(nil, &page))
	})
}

func TestEncode_AppendChanges_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := subjects.ChangesRecord{
			Changes: rapid.SliceOfN(anyEvent, 0, 5).Draw(t, "changes"), Next: anyRevision.Draw(t, "next"),
			Oldest: anyRevision.Draw(t, "oldest"), Revision: anyRevision.Draw(t, "revision"), Store: anyName.Draw(t, "store"),
		}
		want := subjects.ChangesReply{Changes: []subjects.Event{}, Next: page.Next, Oldest: page.Oldest, Revision: page.Revision, Store: page.Store}
		for _, event := range page.Changes {
			want.Changes = append(want.Changes, eventOf(event))
		}
		requireSame(t, want, subjects.AppendChanges(nil, &page))
		for index := range page.Changes {
			page.Bodies = append(page.Bodies, subjects.AppendEvent(nil, &page.Changes[index]))
		}
		page.Changes = nil
		requireSame(t, want, subjects.AppendChanges(nil, &page))
	})
}

func TestEncode_AppendTime_Good(t *testing.T) {
	assert.Equal(t, "2026-11-22T10:00:00.123456789Z", string(subjects.AppendTime(nil, moment.In(time.FixedZone("", 7200)))))
	assert.Equal(t, "2026-11-22T10:00:00Z", string(subjects.AppendTime(nil, moment.Truncate(time.Second))))
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(-1, 1), {}, time.Date(9999, 12, 31, 23, 59, 59, 999999990, time.UTC)} {
		assert.Equal(t, at.UTC().Format(time.RFC3339Nano), string(subjects.AppendTime(nil, at)))
	}
	for at := time.Unix(0, 100).UTC(); at.Year() < 2401; at = at.Add(24*time.Hour + time.Second) {
		require.Equal(t, at.Format(time.RFC3339Nano), string(subjects.AppendTime(nil, at)), "every day of 400 years")
	}
}

// FuzzEncode_AppendEntry checks values of any bytes against the library.
func FuzzEncode_AppendEntry(f *testing.F) {
	for _, value := range []string{"", "dark", "\xff", "a\x00\"\\\b\f\n\r\t\x1f\x7f", "12345678\n", "ü😀\u2028", "1234567\xff", "\ufffd", "\xed\xa0\x80", "12345678901234567890123\x80"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		entry := subjects.EntryRecord{Group: "g", Key: "k", Value: value, UpdatedAt: moment}
		data := subjects.AppendEntry(nil, &entry)
		requireSame(t, entryOf(entry), data)
		assert.LessOrEqual(t, len(data), entry.Size())
	})
}

func BenchmarkAppendEvent(b *testing.B) {
	for name, value := range map[string]string{
		"text/128": strings.Repeat("v", 128), "text/16384": strings.Repeat("v", 16<<10),
		"json/16384": strings.Repeat(`{"a":"b"}`, 16<<10/9), "document/16384": strings.Repeat(`{"customer":"someone","amount":12.50}`, 16<<10/37), "bytes/16384": strings.Repeat("\xff", 16<<10), "kanji/16384": strings.Repeat("漢", 16<<10/3),
	} {
		event := subjects.EventRecord{
			Revision: 42, Previous: 40, Type: subjects.EventSet, Store: "k3FkT5RyVwP1a0bc", Namespace: "acme", Group: "config", Key: "theme",
			Value: value, Timestamp: moment,
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(value)))
			var buffer []byte
			for b.Loop() {
				buffer = subjects.AppendEvent(buffer[:0], &event)
			}
			requireSame(b, eventOf(event), buffer)
		})
	}
	b.Run("marshal/128", func(b *testing.B) {
		b.ReportAllocs()
		event := eventOf(subjects.EventRecord{
			Revision: 42, Previous: 40, Type: subjects.EventSet, Store: "k3FkT5RyVwP1a0bc", Namespace: "acme", Group: "config", Key: "theme",
			Value: strings.Repeat("v", 128), Timestamp: moment,
		})
		for b.Loop() {
			if _, err := json.Marshal(event); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func ExampleAppendEntry() {
	entry := subjects.EntryRecord{Group: "config", Key: "theme", Value: "dark", Revision: 42, UpdatedAt: time.Unix(1795341600, 0)}
	fmt.Println(string(subjects.AppendEntry(nil, &entry)))
	// Output:
	// {"group":"config","key":"theme","value":"dark","revision":42,"updated_at":"2026-11-22T10:00:00Z"}
}
