// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scan reads the whole namespace page by page. fields go into every request.
func (tenant *tenant) scan(t *testing.T, fields ...any) []listReply {
	t.Helper()
	return pagesOf[listReply](t, tenant, "scan", fields...)
}

// placesOf returns group and key of every entry in order.
func placesOf(pages []listReply) []string {
	places := []string{}
	for _, page := range pages {
		for _, entry := range page.Entries {
			places = append(places, entry.Group+"/"+entry.Key)
		}
	}
	return places
}

// scannedGroups are groups in byte order. Each has the scannedKeys, in byte order too.
var (
	scannedGroups = []string{"\x00", "%", "ACME", "a", "a!b", "a.b", "a:b", "aa", "acme", "b", "~", "é", "日本"}
	scannedKeys   = []string{"\x00", "K", "k", "k\x00", "z", "é"}
)

// newScanned is a namespace with all these entries, written in another order.
func newScanned(t *testing.T) (acme *tenant, places []string) {
	t.Helper()
	acme = newNamespace(t)
	for _, group := range scannedGroups {
		for _, key := range scannedKeys {
			places = append(places, group+"/"+key)
		}
	}
	for _, index := range rand.New(rand.NewPCG(7, 7)).Perm(len(places)) {
		group, key, _ := strings.Cut(places[index], "/")
		acme.set(t, group, key, places[index])
	}
	return acme, places
}

func TestScan_Page_Good(t *testing.T) {
	acme, places := newScanned(t)
	revision := acme.revision(t)

	t.Run("EveryEntryByGroupAndKey", func(t *testing.T) {
		pages := acme.scan(t)
		require.Len(t, pages, 1)
		assert.Equal(t, places, placesOf(pages), "in the order of bytes")
		assert.Equal(t, revision, pages[0].Revision)
		assert.Equal(t, readStatus(t, acme.connection).Store, pages[0].Store)
		for _, entry := range pages[0].Entries {
			assert.Equal(t, entry, acme.entry(t, entry.Group, entry.Key), "an entry is the same wherever one is returned")
		}
	})
	for _, limit := range []int{1, 2, 3, 6, 7, len(places) - 1, len(places), len(places) + 1} {
		t.Run(fmt.Sprintf("StopsAtTheLimitOf_%d", limit), func(t *testing.T) {
			pages := acme.scan(t, "limit", limit)
			assert.Equal(t, places, placesOf(pages))
			assert.Len(t, pages, (len(places)+limit-1)/limit, "next is given only where there is more")
		})
	}
	t.Run("SelectsGroupsByPrefix", func(t *testing.T) {
		for prefix, groups := range map[string][]string{
			"a": {"a", "a!b", "a.b", "a:b", "aa", "acme"}, "acme": {"acme"}, "ACME": {"ACME"}, "a:": {"a:b"}, "%": {"%"}, "_": {}, "": scannedGroups,
		} {
			for _, limit := range []int{1, 4, 1000} {
				found := placesOf(acme.scan(t, "prefix", prefix, "limit", limit))
				expected := slices.DeleteFunc(slices.Clone(places), func(place string) bool {
					group, _, _ := strings.Cut(place, "/")
					return !slices.Contains(groups, group)
				})
				assert.Equal(t, expected, found, "prefix %q: bytes, not letters, and of groups", prefix)
			}
		}
	})
	t.Run("LeavesValuesOut", func(t *testing.T) {
		for _, entry := range acme.scan(t, "keys_only", true)[0].Entries {
			assert.Nil(t, entry.Value)
			assert.Empty(t, entry.Encoding)
			assert.NotZero(t, entry.Revision)
		}
	})
	t.Run("AHundredWhereNoLimitIsGiven", func(t *testing.T) {
		many := newNamespace(t)
		many.fill(t, "g", numbered("key", 120), func(int) string { return "v" })
		pages := many.scan(t)
		require.Len(t, pages, 2)
		assert.Len(t, pages[0].Entries, 100)
	})
	t.Run("AnUnwrittenNamespaceIsEmpty", func(t *testing.T) {
		reply := newNamespace(t).call(t, "scan", "")
		assert.Contains(t, string(reply.Data), `"entries":[]`)
		assert.Zero(t, decode[listReply](t, reply).Revision)
	})
}

// A next is valid as after. Any other after is refused, or is a place like any other, but
// is never an error of the store.
func TestScan_After_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "config", "k", "v")
	for _, verb := range []string{"scan", "groups", "list"} {
		for _, after := range []string{"", "!", "%%%", "\x00", "....", "é", strings.Repeat("A", 10_000)} {
			reply := acme.call(t, verb, object(t, "after", after))
			if reply.Header.Get(headerErrorCode) != "" {
				requireBadField(t, reply, "after")
			}
		}
	}
}

func TestScan_FitsOneMessage_Ugly(t *testing.T) {
	acme := newNamespace(t)
	var written []string
	write := func(group string, count, size int, letter string) {
		for index := range count {
			key := fmt.Sprintf("%x-%02d", letter, index)
			decode[setReply](t, acme.raw(t, "set", group, key, []byte(strings.Repeat(letter, size))))
			written = append(written, group+"/"+key)
		}
	}
	write("a", 2, maxPayload/6-6<<10, "\x01") // one fills a page
	write("b", 2, maxPayload-36<<10, "x")     // one fills a page
	write("c", 9, 120<<10, "\xff")            // base64
	write("d", 40, 10<<10, `"`)               // many in a page
	slices.Sort(written)
	pages := acme.scan(t, "limit", 1000)
	assert.Equal(t, written, placesOf(pages), "every entry is there once")
	assert.Greater(t, len(pages), 4)
	assert.Less(t, len(pages), 20, "a page takes what fits")
	assert.Len(t, acme.scan(t, "limit", 1000, "keys_only", true), 1)
}

// Pages are read while other clients write. A key that is there throughout appears once.
// The changes after the first page's revision bring the pages up to date.
func TestScan_Concurrent_Ugly(t *testing.T) {
	const kept, writes = 200, 600
	acme := newNamespace(t)
	acme.fill(t, "kept", numbered("key", kept), func(int) string { return "0" })
	writer := connect(t, acme.connection.ConnectedUrl())
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		random := rand.New(rand.NewPCG(1, 2))
		for number := range writes {
			subject := fmt.Sprintf("store.%s.set.kept.key-%04d", acme.namespace, random.IntN(kept))
			switch random.IntN(4) {
			case 0:
				subject = fmt.Sprintf("store.%s.set.g%d.k%d", acme.namespace, random.IntN(5), random.IntN(5))
			case 1:
				subject = fmt.Sprintf("store.%s.delete.g%d.k%d", acme.namespace, random.IntN(5), random.IntN(5))
			}
			payload := fmt.Append(nil, number)
			if strings.Contains(subject, ".delete.") {
				payload = nil
			}
			reply, err := writer.Request(subject, payload, patience)
			if !assert.NoError(t, err) || !assert.NotContains(t, reply.Header, headerErrorCode) {
				return
			}
		}
	})
	first := acme.scan(t, "limit", 7)
	for range 10 {
		seen := map[string]int{}
		for _, place := range placesOf(acme.scan(t, "limit", 13)) {
			seen[place]++
		}
		for place, times := range seen {
			require.Equal(t, 1, times, place)
		}
		require.Len(t, slices.DeleteFunc(slices.Collect(maps.Keys(seen)), func(place string) bool { return !strings.HasPrefix(place, "kept/") }), kept)
	}
	group.Wait()
	assert.Equal(t, stateOf(acme.scan(t, "limit", 1000)), acme.follow(t, first), "the pages and the changes after the first of them are what stands")
}

// stateOf returns the entries of pages by place, without the times of the changes.
func stateOf(pages []listReply) map[string]entry {
	state := map[string]entry{}
	for _, page := range pages {
		for _, one := range page.Entries {
			one.UpdatedAt = time.Time{}
			state[one.Group+"/"+one.Key] = one
		}
	}
	return state
}

// follow brings pages up to date with the changes after the first of them. If a later page
// has a change already, its revision shows it.
func (tenant *tenant) follow(t *testing.T, pages []listReply) map[string]entry {
	t.Helper()
	state := stateOf(pages)
	for after := pages[0].Revision; ; {
		page := tenant.changes(t, "after", after, "limit", 1000, "store", pages[0].Store)
		for _, raw := range page.Changes {
			applyEvent(t, state, decodeBody[event](t, raw))
		}
		if after = *page.Next; after == page.Revision {
			return state
		}
	}
}

// applyEvent applies a change of the namespace to a state.
func applyEvent(t *testing.T, state map[string]entry, change event) {
	t.Helper()
	if change.Type == "delete_group" {
		maps.DeleteFunc(state, func(_ string, one entry) bool { return one.Group == change.Group && one.Revision < change.Revision })
		return
	}
	place := change.Group + "/" + *change.Key
	standing := state[place]
	if standing.Revision >= change.Revision {
		return
	}
	switch change.Type {
	case "set":
		state[place] = entry{Group: change.Group, Key: *change.Key, Value: change.Value, Encoding: change.Encoding,
			Revision: change.Revision, ExpiresAt: change.ExpiresAt}
	case "touch":
		standing.Revision, standing.ExpiresAt = change.Revision, change.ExpiresAt
		state[place] = standing
	case "delete", "expire":
		delete(state, place)
	default:
		require.Fail(t, "no such type", change.Type)
	}
}
