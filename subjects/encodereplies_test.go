// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"math"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/subjects"
)

var (
	// anyLookup is an entry that was found, so that it has a revision, or that was not.
	anyLookup = rapid.Custom(func(t *rapid.T) subjects.EntryRecord {
		entry := anyEntry.Draw(t, "entry")
		entry.KeysOnly, entry.Missing = false, rapid.Bool().Draw(t, "missing")
		entry.Revision = max(entry.Revision, 1)
		return entry
	})
	anyResult = rapid.Custom(func(t *rapid.T) subjects.ResultRecord {
		entry := anyLookup.Draw(t, "entry")
		return subjects.ResultRecord{
			Op: rapid.SampledFrom(subjects.OperationVerbs()).Draw(t, "op"), Revision: anyRevision.Draw(t, "revision"),
			Created: rapid.Bool().Draw(t, "created"), Deleted: anyRevision.Draw(t, "deleted"), Value: rapid.Int64().Draw(t, "value"),
			Expires: anyExpiry.Draw(t, "expires"), Entry: &entry,
		}
	})
	anyGroup = rapid.Custom(func(t *rapid.T) subjects.GroupStatus {
		return subjects.GroupStatus{Group: anyName.Draw(t, "group"), Keys: anyRevision.Draw(t, "keys"), Revision: anyRevision.Draw(t, "revision")}
	})
	anyTexts = rapid.SliceOfN(anyValue, 0, 5)
)

func lookupOf(record subjects.EntryRecord) subjects.Lookup {
	if record.Missing {
		return subjects.Lookup{Group: record.Group, Key: record.Key, Missing: true}
	}
	entry := entryOf(record)
	return subjects.Lookup{
		Group: entry.Group, Key: entry.Key, Content: entry.Content, Revision: entry.Revision, UpdatedAt: entry.UpdatedAt, ExpiresAt: entry.ExpiresAt,
		ValueOmitted: entry.ValueOmitted,
	}
}

// resultOf is the reply of a result's verb.
func resultOf(record subjects.ResultRecord) any {
	switch record.Op {
	case subjects.VerbSet:
		return subjects.SetReply{Revision: record.Revision, Created: record.Created, ExpiresAt: inUTC(record.Expires)}
	case subjects.VerbGet:
		return lookupOf(*record.Entry)
	case subjects.VerbDelete:
		return subjects.DeleteReply{Deleted: record.Deleted > 0, Revision: record.Revision}
	case subjects.VerbTouch:
		return subjects.TouchReply{Revision: record.Revision, ExpiresAt: inUTC(record.Expires)}
	case subjects.VerbIncrement:
		return subjects.IncrementReply{Value: record.Value, Revision: record.Revision, ExpiresAt: inUTC(record.Expires)}
	}
	return subjects.DeleteGroupReply{Deleted: record.Deleted, Revision: record.Revision}
}

func TestEncodeReplies_AppendTouchReply_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reply := subjects.TouchReply{Revision: anyRevision.Draw(t, "revision"), ExpiresAt: inUTC(anyExpiry.Draw(t, "expires at"))}
		requireSame(t, reply, subjects.AppendTouchReply(nil, reply))
	})
	assertText(t, `x{"revision":42}`, subjects.AppendTouchReply([]byte("x"), subjects.TouchReply{Revision: 42}))
}

func TestEncodeReplies_AppendIncrementReply_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reply := subjects.IncrementReply{Value: rapid.Int64().Draw(t, "value"), Revision: anyRevision.Draw(t, "revision"), ExpiresAt: inUTC(anyExpiry.Draw(t, "expires at"))}
		requireSame(t, reply, subjects.AppendIncrementReply(nil, reply))
	})
	assertText(t, `{"value":-9223372036854775808,"revision":42}`, subjects.AppendIncrementReply(nil, subjects.IncrementReply{Value: math.MinInt64, Revision: 42}))
}

func TestEncodeReplies_AppendDeleteGroupReply_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		group := subjects.DeleteGroupReply{Deleted: anyRevision.Draw(t, "deleted"), Revision: anyRevision.Draw(t, "revision")}
		requireSame(t, group, subjects.AppendDeleteGroupReply(nil, group))
		prefix := subjects.DeletePrefixReply{Groups: anyRevision.Draw(t, "groups"), Deleted: group.Deleted, Revision: group.Revision}
		requireSame(t, prefix, subjects.AppendDeletePrefixReply(nil, prefix))
		count := subjects.CountReply{Count: group.Deleted, Revision: group.Revision}
		requireSame(t, count, subjects.AppendCountReply(nil, count))
	})
	assertText(t, `{"deleted":7,"revision":42}`, subjects.AppendDeleteGroupReply(nil, subjects.DeleteGroupReply{Deleted: 7, Revision: 42}))
	assertText(t, `{"groups":2,"deleted":7,"revision":42}`, subjects.AppendDeletePrefixReply(nil, subjects.DeletePrefixReply{Groups: 2, Deleted: 7, Revision: 42}))
	assertText(t, `{"count":0,"revision":0}`, subjects.AppendCountReply(nil, subjects.CountReply{}))
}

func TestEncodeReplies_AppendGetMany_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reply := subjects.GetManyRecord{Entries: rapid.SliceOfN(anyLookup, 0, 5).Draw(t, "entries"), Revision: anyRevision.Draw(t, "revision")}
		want := subjects.GetManyReply{Entries: []subjects.Lookup{}, Revision: reply.Revision}
		for _, entry := range reply.Entries {
			want.Entries = append(want.Entries, lookupOf(entry))
		}
		requireSame(t, want, subjects.AppendGetMany(nil, &reply))
	})
	reply := subjects.GetManyRecord{Entries: []subjects.EntryRecord{{Group: "g", Key: "a", Missing: true}, {Group: "g", Key: "b", Value: "", Revision: 3, UpdatedAt: moment}}, Revision: 7}
	assertText(t, `{"entries":[{"group":"g","key":"a","missing":true},{"group":"g","key":"b","value":"","revision":3,"updated_at":"2026-11-22T10:00:00.123456789Z"}],"revision":7}`,
		subjects.AppendGetMany(nil, &reply))
}

func TestEncodeReplies_AppendGroups_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := subjects.GroupsReply{Groups: rapid.SliceOfN(anyGroup, 0, 5).Draw(t, "groups"), Next: anyName.Draw(t, "next"), Revision: anyRevision.Draw(t, "revision")}
		if page.Groups == nil {
			page.Groups = []subjects.GroupStatus{}
		}
		requireSame(t, page, subjects.AppendGroups(nil, &page))
	})
	page := subjects.GroupsReply{Groups: []subjects.GroupStatus{{Group: "config", Keys: 2, Revision: 41}}, Next: "g.config", Revision: 42}
	assertText(t, `{"groups":[{"group":"config","keys":2,"revision":41}],"next":"g.config","revision":42}`, subjects.AppendGroups(nil, &page))
	assertText(t, `{"groups":[],"revision":0}`, subjects.AppendGroups(nil, &subjects.GroupsReply{}))
}

func TestEncodeReplies_AppendTransaction_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reply := subjects.TransactionRecord{
			Succeeded: rapid.Bool().Draw(t, "succeeded"), FirstRevision: anyRevision.Draw(t, "first"), Revision: anyRevision.Draw(t, "revision"),
			Results: rapid.SliceOfN(anyResult, 0, 5).Draw(t, "results"),
		}
		want := subjects.TransactionReply{Succeeded: reply.Succeeded, FirstRevision: reply.FirstRevision, Revision: reply.Revision, Results: []jsontext.Value{}}
		for _, result := range reply.Results {
			data, err := json.Marshal(resultOf(result))
			require.NoError(t, err)
			want.Results = append(want.Results, data)
		}
		requireSame(t, want, subjects.AppendTransaction(nil, &reply))
	})
	assertText(t, `{"succeeded":false,"revision":42,"results":[]}`, subjects.AppendTransaction(nil, &subjects.TransactionRecord{Revision: 42}))
}

func TestEncodeReplies_AppendRenderReply_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, revision := anyValue.Draw(t, "text"), anyRevision.Draw(t, "revision")
		reply := subjects.NewRenderReply(text, revision)
		requireSame(t, reply, subjects.AppendRenderReply(nil, text, revision))
		again, err := reply.Bytes()
		require.NoError(t, err)
		require.Equal(t, text, again)
	})
	assertText(t, `x{"text":"dark","revision":42}`, subjects.AppendRenderReply([]byte("x"), "dark", 42))
	assertText(t, `{"text":"/w==","encoding":"base64","revision":42}`, subjects.AppendRenderReply(nil, "\xff", 42))
}

func TestEncodeReplies_AppendSplitReply_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := anyTexts.Draw(t, "texts")
		parts, encoding := subjects.EncodeTexts(texts)
		if parts == nil {
			parts = []string{}
		}
		requireSame(t, subjects.SplitReply{Parts: parts, Encoding: encoding}, subjects.AppendSplitReply(nil, texts))
		requireSame(t, subjects.FieldsReply{Fields: parts, Encoding: encoding}, subjects.AppendFieldsReply(nil, texts))
		again, err := subjects.DecodeTexts(parts, encoding)
		require.NoError(t, err)
		require.Equal(t, strings.Join(texts, "\x00"), strings.Join(again, "\x00"))
		require.Len(t, again, len(texts))
	})
	assertText(t, `{"parts":["red",""]}`, subjects.AppendSplitReply(nil, []string{"red", ""}))
	assertText(t, `{"fields":["cmVk","/w=="],"encoding":"base64"}`, subjects.AppendFieldsReply(nil, []string{"red", "\xff"}))
}

func TestText_DecodeTexts_Bad(t *testing.T) {
	_, err := subjects.DecodeTexts([]string{"cmVk", "?"}, new("base64"))
	requireBadField(t, err, "value")
	_, err = subjects.DecodeTexts([]string{"red"}, new("hex"))
	requireBadField(t, err, "encoding")
}

func TestSize_Elements_Good(t *testing.T) {
	t.Run("NeverBelowTheEncoding", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			group := anyGroup.Draw(t, "group")
			requireRoom(t, group, group.Size())
			lookup := anyLookup.Draw(t, "lookup")
			requireRoom(t, lookupOf(lookup), lookup.Size())
			result := anyResult.Draw(t, "result")
			requireRoom(t, resultOf(result), result.Size())
		})
	})
	t.Run("NorAtTheLongest", func(t *testing.T) {
		group := subjects.GroupStatus{Group: strings.Repeat(".", subjects.MaxGroupBytes), Keys: math.MaxUint64, Revision: math.MaxUint64}
		requireRoom(t, group, group.Size())
		namespace := subjects.NamespaceStatus{
			Namespace: strings.Repeat("n", subjects.MaxNamespaceBytes), Revision: math.MaxUint64, Keys: math.MaxUint64, Groups: math.MaxUint64, Bytes: math.MaxUint64,
		}
		requireRoom(t, namespace, namespace.Size())
		for _, op := range subjects.OperationVerbs() {
			entry := longestEntry("g", "k", "\xff")
			result := subjects.ResultRecord{Op: op, Revision: math.MaxUint64, Deleted: math.MaxUint64, Value: math.MinInt64, Expires: longest, Entry: &entry}
			requireRoom(t, resultOf(result), result.Size())
		}
	})
	t.Run("ReplyFitsWhereItsElementsDo", func(t *testing.T) {
		record := subjects.TransactionRecord{FirstRevision: math.MaxUint64, Revision: math.MaxUint64}
		assert.Less(t, len(subjects.AppendTransaction(nil, &record)), subjects.PageBytes)
		namespaces, err := json.Marshal(subjects.NamespacesReply{Namespaces: []subjects.NamespaceStatus{}, Next: strings.Repeat("n", subjects.MaxCursorBytes)})
		require.NoError(t, err)
		assert.Less(t, len(namespaces), subjects.PageBytes)
	})
}

// requireRoom requires that an element and a comma fit a size.
func requireRoom(t require.TestingT, element any, size int) {
	data, err := json.Marshal(element)
	require.NoError(t, err)
	require.Less(t, len(data), size)
}
