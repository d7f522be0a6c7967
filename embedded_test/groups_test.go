// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// groups reads all groups page by page. fields go into every request.
func (tenant *tenant) groups(t *testing.T, fields ...any) []groupsReply {
	t.Helper()
	return pagesOf[groupsReply](t, tenant, "groups", fields...)
}

// groupsOf joins pages.
func groupsOf(pages []groupsReply) []groupStatus {
	groups := []groupStatus{}
	for _, page := range pages {
		groups = append(groups, page.Groups...)
	}
	return groups
}

// groupNames returns the names of groups in order.
func groupNames(groups []groupStatus) []string {
	names := []string{}
	for _, group := range groups {
		names = append(names, group.Group)
	}
	return names
}

func TestGroups_Page_Good(t *testing.T) {
	acme, _ := newScanned(t)

	t.Run("InTheOrderOfBytes", func(t *testing.T) {
		pages := acme.groups(t)
		require.Len(t, pages, 1)
		assert.Equal(t, scannedGroups, groupNames(pages[0].Groups))
		assert.Equal(t, acme.revision(t), pages[0].Revision)
		for _, group := range pages[0].Groups {
			assert.Equal(t, uint64(len(scannedKeys)), group.Keys)
		}
	})
	t.Run("StopsAtTheLimit", func(t *testing.T) {
		for limit := 1; limit <= len(scannedGroups)+1; limit++ {
			pages := acme.groups(t, "limit", limit)
			assert.Equal(t, scannedGroups, groupNames(groupsOf(pages)))
			assert.Len(t, pages, (len(scannedGroups)+limit-1)/limit)
		}
	})
	t.Run("SelectsByPrefix", func(t *testing.T) {
		assert.Equal(t, []string{"acme"}, groupNames(groupsOf(acme.groups(t, "prefix", "acme"))), "it never reaches ACME")
		assert.Equal(t, []string{"ACME"}, groupNames(groupsOf(acme.groups(t, "prefix", "A"))))
		assert.Equal(t, []string{"%"}, groupNames(groupsOf(acme.groups(t, "prefix", "%"))))
		assert.Empty(t, groupsOf(acme.groups(t, "prefix", "_")))
		assert.Equal(t, []string{"a", "a!b", "a.b", "a:b", "aa", "acme"}, groupNames(groupsOf(acme.groups(t, "prefix", "a", "limit", 2))))
	})
	t.Run("AHundredWhereNoLimitIsGiven", func(t *testing.T) {
		many := newNamespace(t)
		for _, group := range numbered("group", 120) {
			many.set(t, group, "k", "v")
		}
		pages := many.groups(t)
		require.Len(t, pages, 2)
		assert.Len(t, pages[0].Groups, 100)
		assert.Equal(t, numbered("group", 120), groupNames(groupsOf(pages)))
	})
	t.Run("AnUnwrittenNamespaceHasNone", func(t *testing.T) {
		assert.JSONEq(t, `{"groups":[],"revision":0}`, string(newNamespace(t).call(t, "groups", "").Data))
	})
}

func TestGroups_Figures_Good(t *testing.T) {
	acme := newNamespace(t)
	figures := func() []groupStatus { return groupsOf(acme.groups(t)) }
	acme.set(t, "a", "k", "v")
	acme.set(t, "b", "k", "v")
	acme.set(t, "b", "l", "v")
	assert.Equal(t, []groupStatus{{"a", 1, 1}, {"b", 2, 3}}, figures())

	decode[touchReply](t, acme.call(t, "touch", `{"group":"a","key":"k","ttl":"1h"}`))
	acme.remove(t, "b", "l")
	assert.Equal(t, []groupStatus{{"a", 1, 4}, {"b", 1, 5}}, figures(), "a group stands at the revision of its last change")

	acme.remove(t, "b", "k")
	assert.Equal(t, []groupStatus{{"a", 1, 4}}, figures(), "a group without keys is none")
	acme.set(t, "b", "again", "v")
	assert.Equal(t, []groupStatus{{"a", 1, 4}, {"b", 1, 7}}, figures())
}

// If names encode to much more than their length, a page of them still fits into a message.
func TestGroups_FitsOneMessage_Ugly(t *testing.T) {
	acme := newNamespace(t)
	var names []string
	for _, name := range numbered("n", 600) {
		long := name + string(make([]byte, 512-len(name)))
		names = append(names, long)
		acme.set(t, long, "k", "v")
	}
	pages := acme.groups(t, "limit", 1000)
	assert.Equal(t, names, groupNames(groupsOf(pages)))
	assert.Greater(t, len(pages), 1)
	assert.Less(t, len(pages), 6, "a page takes what fits")
}

func TestGroups_Concurrent_Ugly(t *testing.T) {
	acme := newNamespace(t)
	for _, group := range numbered("kept", 30) {
		acme.set(t, group, "k", "v")
	}
	var seen []string
	request := []any{"limit", 4}
	for round := 0; ; round++ {
		reply := acme.call(t, "groups", object(t, request...))
		page := decode[groupsReply](t, reply)
		seen = append(seen, groupNames(page.Groups)...)
		next := nextOf(t, reply.Msg)
		if next == "" {
			break
		}
		last := page.Groups[len(page.Groups)-1].Group
		acme.set(t, "before", last, "v")
		acme.remove(t, last, "k")
		acme.set(t, last, "k", "the group to go on from was away")
		request = []any{"limit", 4, "after", next}
	}
	kept := slices.DeleteFunc(seen, func(name string) bool { return name == "before" })
	assert.Equal(t, numbered("kept", 30), kept, "a group that is there throughout appears once")
}
