// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDeletePrefix_Reply_Good(t *testing.T) {
	acme := newNamespace(t)
	for group, keys := range map[string]int{"eu:a": 3, "eu:b": 2, "eu": 1, "EU:a": 4, "e": 1} {
		acme.fill(t, group, numbered("key", keys), func(int) string { return "v" })
	}
	events := acme.events(t)

	assert.JSONEq(t, `{"groups":2,"deleted":5,"revision":13}`, string(acme.call(t, "delete_prefix", `{"prefix":"eu:"}`).Data))
	for index, group := range []string{"eu:a", "eu:b"} {
		removed := nextEvent(t, events)
		assert.Equal(t, "delete_group", removed.Type, "one event for each group")
		assert.Equal(t, group, removed.Group)
		assert.Equal(t, uint64(12+index), removed.Revision)
		assert.Nil(t, removed.Key)
		assert.Equal(t, &transactionRange{First: 12, Last: 13}, removed.Transaction, "the events of one delete_prefix are one transaction")
	}
	assert.Equal(t, []string{"EU:a", "e", "eu"}, groupNames(groupsOf(acme.groups(t))))

	t.Run("OfWhatIsNotThereIsNoChange", func(t *testing.T) {
		assert.JSONEq(t, `{"groups":0,"deleted":0,"revision":13}`, string(acme.call(t, "delete_prefix", `{"prefix":"eu:"}`).Data))
		assert.JSONEq(t, `{"groups":0,"deleted":0,"revision":0}`, string(newNamespace(t).call(t, "delete_prefix", `{"prefix":"","all":true}`).Data))
		requireSilence(t, acme.connection, events.Subscription)
	})
	t.Run("TheEmptyPrefixHasToBeMeant", func(t *testing.T) {
		requireFailure(t, acme.call(t, "delete_prefix", `{"prefix":""}`), 400, "bad_request")
		requireFailure(t, acme.call(t, "delete_prefix", `{"prefix":"eu:","all":true}`), 400, "bad_request")
		requireSilence(t, acme.connection, events.Subscription)
	})
	t.Run("TheEmptyPrefixIsTheWholeNamespace", func(t *testing.T) {
		assert.JSONEq(t, `{"groups":3,"deleted":6,"revision":16}`, string(acme.call(t, "delete_prefix", `{"prefix":"","all":true}`).Data))
		assert.Empty(t, placesOf(acme.scan(t)))
		assert.Equal(t, uint64(16), acme.revision(t))
		assert.Equal(t, uint64(17), acme.set(t, "g", "k", "v"), "the revision never goes back")
	})
}

// Prefixes match bytes. No letter is a pattern, and case matters, in groups as in
// namespaces.
func TestDeletePrefix_Bytes_Good(t *testing.T) {
	acme := newNamespace(t)
	upper := acme.in("S" + acme.namespace[1:])
	for _, owner := range []*tenant{acme, upper} {
		for _, group := range []string{"acme", "acme:x", "ACME", "ACME:x", "a%", "a_", "ab", "a\u00ff"} {
			owner.set(t, group, "k", "v")
		}
	}
	for prefix, groups := range map[string]uint64{"acme": 2, "a%": 1, "a_": 1, "ACME:": 1, "a\u00ff": 1} {
		reply := decode[deletePrefixReply](t, acme.call(t, "delete_prefix", object(t, "prefix", prefix)))
		assert.Equal(t, groups, reply.Groups, prefix)
		assert.Equal(t, groups, reply.Deleted, prefix)
	}
	assert.Equal(t, []string{"ACME", "ab"}, groupNames(groupsOf(acme.groups(t))))
	decode[deletePrefixReply](t, acme.call(t, "delete_prefix", `{"prefix":"","all":true}`))
	assert.Equal(t, uint64(8), *decode[countReply](t, upper.call(t, "count", "")).Count, "another namespace is never reached")
}

// Deleting a prefix with many groups is atomic. Each group has one event, and a reader sees
// all deletions or none.
func TestDeletePrefix_Many_Ugly(t *testing.T) {
	const groups = 300
	acme := newNamespace(t)
	for _, group := range numbered("g", groups) {
		acme.set(t, group, "k", "v")
	}
	events := acme.events(t)
	replies := subscribe(t, acme.connection, acme.connection.NewInbox())
	ask(t, acme.connection, replies, "store."+acme.namespace+".delete_prefix", `{"prefix":"g"}`)
	for range 20 {
		assert.Contains(t, []uint64{0, groups}, *decode[countReply](t, acme.call(t, "count", "")).Count)
	}
	assert.Equal(t, deletePrefixReply{Groups: groups, Deleted: groups, Revision: 2 * groups}, decode[deletePrefixReply](t, answer{receive(t, replies)}))
	for revision := uint64(groups + 1); revision <= 2*groups; revision++ {
		removed := nextEvent(t, events)
		require.Equal(t, revision, removed.Revision)
		require.Equal(t, &transactionRange{First: groups + 1, Last: 2 * groups}, removed.Transaction)
	}
}
