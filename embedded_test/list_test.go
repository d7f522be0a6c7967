// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pages lists a whole group page by page. fields go into every request, as pairs of name
// and value.
func (tenant *tenant) pages(t *testing.T, fields ...any) []listReply {
	t.Helper()
	var pages []listReply
	request := fields
	for {
		reply := tenant.call(t, "list", object(t, request...))
		require.LessOrEqual(t, len(reply.Data), maxPayload)
		page := decode[listReply](t, reply)
		pages = append(pages, page)
		if page.Next == "" {
			return pages
		}
		require.NotEmpty(t, page.Entries, "a page that is not the last has something in it")
		request = append(slices.Clone(fields), "after", page.Next)
	}
}

// keysOf returns the keys of pages in order.
func keysOf(pages []listReply) []string {
	keys := []string{}
	for _, page := range pages {
		for _, entry := range page.Entries {
			keys = append(keys, entry.Key)
		}
	}
	return keys
}

func TestList_Page_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	keys := []string{"\x00", "%", "A", "a", "a.b", "aa", "ab", "b", "b\x00", "z", "~", "é", "日本", "😀"}
	for _, index := range []int{5, 0, 13, 7, 2, 9, 12, 4, 1, 11, 8, 3, 10, 6} {
		acme.set(t, "config", keys[index], "value of "+keys[index])
	}
	acme.set(t, "config2", "elsewhere", "v")
	acme.set(t, "confi", "elsewhere", "v")

	t.Run("OrdersByBytes", func(t *testing.T) {
		pages := acme.pages(t, "group", "config")
		require.Len(t, pages, 1)
		assert.Equal(t, keys, keysOf(pages))
		assert.Equal(t, uint64(16), pages[0].Revision)
		assert.NotEmpty(t, pages[0].Store)
		assert.Equal(t, "value of a", *pages[0].Entries[3].Value)
		assert.Equal(t, "config", pages[0].Entries[3].Group)
		assert.NotZero(t, pages[0].Entries[3].Revision)
		assert.NotZero(t, pages[0].Entries[3].UpdatedAt)
	})
	t.Run("Descends", func(t *testing.T) {
		backwards := slices.Clone(keys)
		slices.Reverse(backwards)
		assert.Equal(t, backwards, keysOf(acme.pages(t, "group", "config", "descending", true)))
		assert.Equal(t, backwards, keysOf(acme.pages(t, "group", "config", "descending", true, "limit", 3)))
	})
	for limit := 1; limit <= len(keys)+1; limit++ {
		t.Run(fmt.Sprintf("StopsAtTheLimitOf_%d", limit), func(t *testing.T) {
			pages := acme.pages(t, "group", "config", "limit", limit)
			assert.Equal(t, keys, keysOf(pages))
			assert.Len(t, pages, (len(keys)+limit-1)/limit, "next is given only where there is more")
		})
	}
	t.Run("SelectsByPrefix", func(t *testing.T) {
		assert.Equal(t, []string{"a", "a.b", "aa", "ab"}, keysOf(acme.pages(t, "group", "config", "prefix", "a")))
		assert.Equal(t, []string{"A"}, keysOf(acme.pages(t, "group", "config", "prefix", "A")), "bytes, not letters")
		assert.Equal(t, []string{"%"}, keysOf(acme.pages(t, "group", "config", "prefix", "%")))
		assert.Equal(t, []string{"b", "b\x00"}, keysOf(acme.pages(t, "group", "config", "prefix", "b", "limit", 1)))
		assert.Equal(t, []string{"😀"}, keysOf(acme.pages(t, "group", "config", "prefix", "😀")))
		assert.Empty(t, keysOf(acme.pages(t, "group", "config", "prefix", "_")))
		assert.Equal(t, []string{"ab", "aa", "a.b", "a"},
			keysOf(acme.pages(t, "group", "config", "prefix", "a", "descending", true, "limit", 2)))
		assert.Len(t, keysOf(acme.pages(t, "group", "config", "prefix", "")), len(keys))
	})
	t.Run("LeavesValuesOut", func(t *testing.T) {
		page := acme.pages(t, "group", "config", "keys_only", true)[0]
		for _, entry := range page.Entries {
			assert.Nil(t, entry.Value)
			assert.Empty(t, entry.Encoding)
			assert.NotZero(t, entry.Revision)
		}
	})
	t.Run("AnUnknownGroupIsEmpty", func(t *testing.T) {
		reply := acme.call(t, "list", `{"group":"nobody"}`)
		assert.Contains(t, string(reply.Data), `"entries":[]`)
		page := decode[listReply](t, reply)
		assert.Empty(t, page.Next)
		assert.Equal(t, uint64(16), page.Revision)
	})
	t.Run("DeletedKeysAreGone", func(t *testing.T) {
		acme.remove(t, "config", "a.b")
		assert.NotContains(t, keysOf(acme.pages(t, "group", "config", "limit", 2)), "a.b")
	})
}

func TestList_Limit_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	for index := range 120 {
		acme.set(t, "default", fmt.Sprintf("key-%03d", index), "v")
	}
	pages := acme.pages(t)
	require.Len(t, pages, 2)
	assert.Len(t, pages[0].Entries, 100, "100 where no limit is given")
	assert.Len(t, pages[1].Entries, 20)
}

func TestList_After_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	for index := range 20 {
		acme.set(t, "config", fmt.Sprintf("kept-%02d", index), "v")
	}
	var seen []string
	request := []any{"group", "config", "limit", 3}
	for round := 0; ; round++ {
		page := decode[listReply](t, acme.call(t, "list", object(t, request...)))
		seen = append(seen, keysOf([]listReply{page})...)
		if page.Next == "" {
			break
		}
		acme.set(t, "config", fmt.Sprintf("a-%02d", round), "written before the page")
		acme.set(t, "config", page.Entries[0].Key, "written again")
		deleted := page.Entries[len(page.Entries)-1].Key
		acme.remove(t, "config", deleted)
		acme.set(t, "config", deleted, "the key to go on from was away")
		request = []any{"group", "config", "limit", 3, "after", page.Next}
	}
	kept := slices.DeleteFunc(seen, func(key string) bool { return !strings.HasPrefix(key, "kept-") })
	assert.Len(t, kept, 20, "a key present throughout appears exactly once")
	assert.True(t, slices.IsSorted(kept))
}

func TestList_After_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	acme.set(t, "config", "k", "v")
	for _, after := range []string{"!", "%%%", "\x00", "....", strings.Repeat("A", 10_000)} {
		reply := acme.call(t, "list", object(t, "group", "config", "after", after))
		if reply.Header.Get(headerErrorCode) != "" {
			requireBadField(t, reply, "after")
		}
	}
}

func TestList_FitsOneMessage_Ugly(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	var written []string
	write := func(count, size int, letter string) {
		for index := range count {
			key := fmt.Sprintf("%x-%d-%02d", letter, size, index)
			decode[setReply](t, acme.raw(t, "set", "large", key, []byte(strings.Repeat(letter, size))))
			written = append(written, key)
		}
	}
	write(3, maxPayload/6-6<<10, "\x01") // one fills a page
	write(3, maxPayload-36<<10, "x")     // one fills a page
	write(9, 120<<10, "\xff")            // base64
	write(20, 30<<10, "\x01")            // a few in a page
	write(40, 10<<10, `"`)               // many in a page

	for _, descending := range []bool{false, true} {
		pages := acme.pages(t, "group", "large", "limit", 1000, "descending", descending)
		keys := keysOf(pages)
		assert.ElementsMatch(t, written, keys, "every entry is there once")
		assert.Greater(t, len(pages), 10)
		assert.Less(t, len(pages), 40, "a page takes what fits")
	}
	assert.Len(t, acme.pages(t, "group", "large", "limit", 1000, "keys_only", true), 1)

	t.Run("ChangesToo", func(t *testing.T) {
		var after uint64
		for int(after) < len(written) {
			reply := acme.call(t, "changes", object(t, "after", after, "limit", 1000))
			require.LessOrEqual(t, len(reply.Data), maxPayload)
			page := decode[changesReply](t, reply)
			require.NotEmpty(t, page.Changes)
			for _, change := range page.Changes {
				after++
				decoded := decodeBody[event](t, change)
				assert.Equal(t, after, decoded.Revision)
				assert.NotNil(t, decoded.Value)
			}
			assert.Equal(t, after, *page.Next)
		}
	})
}
