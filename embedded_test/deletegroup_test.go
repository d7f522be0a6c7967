// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDeleteGroup_Reply_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.fill(t, "sessions", numbered("key", 1500), func(int) string { return "v" })
	acme.set(t, "session", "k", "v")
	acme.set(t, "sessions2", "k", "v")
	acme.set(t, "Sessions", "k", "v")
	events := acme.events(t)

	assert.JSONEq(t, `{"deleted":1500,"revision":1504}`, string(acme.call(t, "delete_group", `{"group":"sessions"}`).Data))
	removed := nextEvent(t, events)
	assert.Equal(t, "delete_group", removed.Type)
	assert.Equal(t, uint64(1504), removed.Revision, "one change, whatever the number of keys")
	assert.Equal(t, uint64(1500), *removed.Previous)
	assert.Equal(t, "sessions", removed.Group)
	assert.Nil(t, removed.Key, "key in all but delete_group")
	assert.Nil(t, removed.Value)
	assert.Nil(t, removed.Created)
	assert.Nil(t, removed.ExpiresAt)
	assert.Nil(t, removed.Transaction)

	t.Run("NothingOfItIsLeft", func(t *testing.T) {
		requireFailure(t, acme.call(t, "get", `{"group":"sessions","key":"key-0000"}`), 404, "not_found")
		assert.JSONEq(t, `{"exists":false}`, string(acme.call(t, "exists", `{"group":"sessions","key":"key-1499"}`).Data))
		assert.Empty(t, keysOf(acme.pages(t, "group", "sessions")))
		assert.Equal(t, []string{"Sessions", "session", "sessions2"}, groupNames(groupsOf(acme.groups(t))))
		assert.Equal(t, uint64(3), *decode[countReply](t, acme.call(t, "count", "")).Count)
		assert.Equal(t, []string{"Sessions/k", "session/k", "sessions2/k"}, placesOf(acme.scan(t)))
		assert.JSONEq(t, `{"deleted":false,"revision":1504}`, string(acme.call(t, "delete", `{"group":"sessions","key":"key-0000"}`).Data))
	})
	t.Run("OfWhatIsNotThereIsNoChange", func(t *testing.T) {
		assert.JSONEq(t, `{"deleted":0,"revision":1504}`, string(acme.call(t, "delete_group", `{"group":"sessions"}`).Data))
		assert.JSONEq(t, `{"deleted":0,"revision":1504}`, string(acme.call(t, "delete_group", `{"group":"nobody"}`).Data))
		assert.JSONEq(t, `{"deleted":0,"revision":0}`, string(newNamespace(t).call(t, "delete_group", `{"group":"g"}`).Data))
		requireSilence(t, acme.connection, events.Subscription)
	})
	t.Run("AKeyIsCreatedAgain", func(t *testing.T) {
		created := acme.call(t, "set", `{"group":"sessions","key":"key-0007","value":"w","if_revision":0}`)
		assert.JSONEq(t, `{"revision":1505,"created":true}`, string(created.Data))
		assert.Equal(t, uint64(1504), *nextEvent(t, events).Previous)
		assert.Equal(t, []string{"key-0007"}, keysOf(acme.pages(t, "group", "sessions")))
	})
}

// A group is deleted, filled and deleted again before the first deletion can have been
// executed.
func TestDeleteGroup_Again_Ugly(t *testing.T) {
	acme := newNamespace(t)
	keys := numbered("key", 1000)
	for round := range 5 {
		acme.fill(t, "g", keys, func(int) string { return "v" })
		acme.fill(t, "g", keys[:10], func(int) string { return "w" })
		reply := decode[deleteGroupReply](t, acme.call(t, "delete_group", `{"group":"g"}`))
		require.Equal(t, deleteGroupReply{Deleted: 1000, Revision: uint64(round+1) * 1011}, reply)
		require.Empty(t, keysOf(acme.pages(t, "group", "g")))
	}
	acme.set(t, "g", "key-0500", "left")
	assert.Equal(t, []string{"g/key-0500"}, placesOf(acme.scan(t)))
	state := map[string]entry{}
	for _, change := range acme.wholeLog(t) {
		applyEvent(t, state, decodeBody[event](t, change))
	}
	assert.Equal(t, stateOf(acme.scan(t)), state, "a delete_group stands for every key of its group")
}
