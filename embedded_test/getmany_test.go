// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// named is an element of the request of get_many.
func named(group, key string) map[string]any { return map[string]any{"group": group, "key": key} }

func TestGetMany_Reply_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "config", "theme", "dark")
	decode[setReply](t, acme.call(t, "set", `{"key":"k","value":"v","ttl":"1h"}`))
	decode[setReply](t, acme.raw(t, "set", "files", "blob", []byte("\xff")))
	acme.remove(t, "config", "theme")
	acme.set(t, "config", "size", "12")

	t.Run("InTheOrderAsked", func(t *testing.T) {
		reply := decode[getManyReply](t, acme.call(t, "get_many", object(t, "entries", []any{
			named("files", "blob"), map[string]any{"key": "k"}, named("config", "theme"), named("config", "size"), named("files", "blob"),
		})))
		assert.Equal(t, uint64(5), reply.Revision)
		assert.Equal(t, []lookup{
			{entry: acme.entry(t, "files", "blob")}, {entry: acme.entry(t, "default", "k")},
			{entry: entry{Group: "config", Key: "theme"}, Missing: true},
			{entry: acme.entry(t, "config", "size")}, {entry: acme.entry(t, "files", "blob")},
		}, reply.Entries, "each is the entry, as often as it was asked for")
		assert.Equal(t, "base64", reply.Entries[0].Encoding)
		assert.Equal(t, base64.StdEncoding.EncodeToString([]byte("\xff")), *reply.Entries[0].Value)
	})
	t.Run("AMissingOneIsItsNameAlone", func(t *testing.T) {
		reply := acme.call(t, "get_many", `{"entries":[{"group":"g","key":"a"},{"key":"b"}]}`)
		assert.JSONEq(t, `{"entries":[{"group":"g","key":"a","missing":true},{"group":"default","key":"b","missing":true}],"revision":5}`,
			string(reply.Data))
	})
	t.Run("AnEntryThatIsThereIsNotMarked", func(t *testing.T) {
		assert.NotContains(t, string(acme.call(t, "get_many", `{"entries":[{"key":"k"}]}`).Data), "missing")
	})
	t.Run("AThousandAtMost", func(t *testing.T) {
		entries := make([]any, 1000)
		for index := range entries {
			entries[index] = named("default", fmt.Sprint("missing ", index))
		}
		entries[999] = named("default", "k")
		reply := decode[getManyReply](t, acme.call(t, "get_many", object(t, "entries", entries)))
		require.Len(t, reply.Entries, 1000)
		assert.Equal(t, "v", *reply.Entries[999].Value)
		oneMore := append(slices.Clone(entries), named("g", "k"))
		requireBadField(t, acme.call(t, "get_many", object(t, "entries", oneMore)), "entries")
	})
}

func TestGetMany_Entries_Bad(t *testing.T) {
	acme := newNamespace(t)
	for outcome, test := range map[string]struct{ body, field string }{
		"WantsAKey":              {`{"entries":[{"group":"g"}]}`, "entries/0/key"},
		"WantsAKeyOfEach":        {`{"entries":[{"key":"k"},{"key":null}]}`, "entries/1/key"},
		"RefusesAnEmptyKey":      {`{"entries":[{"key":""}]}`, "entries/0/key"},
		"RefusesAnEmptyGroup":    {`{"entries":[{"group":"","key":"k"}]}`, "entries/0/group"},
		"RefusesALongKey":        {`{"entries":[{"key":"` + strings.Repeat("k", 2049) + `"}]}`, "entries/0/key"},
		"NamesAnUnknownField":    {`{"entries":[{"key":"k","ttl":"1h"}]}`, "entries/0/ttl"},
		"NamesARepeatedField":    {`{"entries":[{"key":"k","key":"k"}]}`, "entries/0/key"},
		"RefusesAName":           {`{"entries":["k"]}`, "entries/0"},
		"RefusesALoneEntry":      {`{"entries":{"key":"k"}}`, "entries"},
		"RefusesAnotherTopField": {`{"entries":[],"group":"g"}`, "group"},
	} {
		t.Run(outcome, func(t *testing.T) {
			requireBadField(t, acme.call(t, "get_many", test.body), test.field)
		})
	}
}

func TestGetMany_Size_Bad(t *testing.T) {
	acme := newNamespace(t)
	for _, key := range []string{"a", "b"} {
		decode[setReply](t, acme.raw(t, "set", "large", key, []byte(strings.Repeat("x", 600<<10))))
	}
	tooLarge := requireFailure(t, acme.call(t, "get_many", object(t, "entries", []any{named("large", "a"), named("large", "b")})), 413, "too_large")
	require.NotNil(t, tooLarge.Limit)
	assert.Positive(t, *tooLarge.Limit)
	reply := decode[getManyReply](t, acme.call(t, "get_many", object(t, "entries", []any{named("large", "a")})))
	assert.Len(t, *reply.Entries[0].Value, 600<<10)
}

// get_many reads the writes of a transaction all together or not at all.
func TestGetMany_OnePoint_Ugly(t *testing.T) {
	const transactions = 200
	acme := newNamespace(t)
	writer := connect(t, acme.connection.ConnectedUrl())
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		for number := range transactions {
			body := fmt.Sprintf(`{"then":[{"op":"set","group":"a","key":"k","value":"%d"},{"op":"set","group":"z","key":"k","value":"%d"}]}`, number, number)
			reply, err := writer.Request("store."+acme.namespace+".transaction", []byte(body), patience)
			if !assert.NoError(t, err) || !assert.NotContains(t, reply.Header, headerErrorCode) {
				return
			}
		}
	})
	for last := uint64(0); last < 2*transactions && !t.Failed(); {
		reply := decode[getManyReply](t, acme.call(t, "get_many", `{"entries":[{"group":"a","key":"k"},{"group":"z","key":"k"}]}`))
		one, other := reply.Entries[0], reply.Entries[1]
		require.Equal(t, one.Value, other.Value)
		require.Equal(t, one.Missing, other.Missing)
		require.GreaterOrEqual(t, reply.Revision, last)
		require.Equal(t, reply.Revision, other.Revision, "the revision is that of the point at which it was read")
		last = reply.Revision
	}
}

// fill writes keys, a thousand in a transaction. value returns the value of each.
func (tenant *tenant) fill(t *testing.T, group string, keys []string, value func(index int) string) {
	t.Helper()
	for first := 0; first < len(keys); first += 1000 {
		var operations []any
		for index := first; index < min(first+1000, len(keys)); index++ {
			operations = append(operations, map[string]any{"op": "set", "group": group, "key": keys[index], "value": value(index)})
		}
		reply := decode[transactionReply](t, tenant.call(t, "transaction", object(t, "then", operations)))
		require.True(t, reply.Succeeded)
	}
}

// numbered returns count names in order: key-0000, key-0001.
func numbered(name string, count int) []string {
	names := make([]string, count)
	for index := range names {
		names[index] = fmt.Sprintf("%s-%04d", name, index)
	}
	return names
}

// pagesOf reads pages until there is no next. fields go into every request, as pairs of
// name and value.
func pagesOf[Page any](t *testing.T, tenant *tenant, verb string, fields ...any) []Page {
	t.Helper()
	var pages []Page
	request := fields
	for {
		reply := tenant.call(t, verb, object(t, request...))
		require.LessOrEqual(t, len(reply.Data), maxPayload)
		pages = append(pages, decode[Page](t, reply))
		next := nextOf(t, reply.Msg)
		if next == "" {
			return pages
		}
		request = append(slices.Clone(fields), "after", next)
	}
}

// nextOf returns the next of a page of any verb.
func nextOf(t *testing.T, page *nats.Msg) string {
	t.Helper()
	var body struct {
		Next *string `json:"next"`
	}
	require.NoError(t, json.Unmarshal(page.Data, &body))
	if body.Next == nil {
		return ""
	}
	require.NotEmpty(t, *body.Next, "next is given only where there is more")
	return *body.Next
}
