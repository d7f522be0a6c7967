// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/kv"
)

var realmA, realmB, realmC = kv.Realm{Name: "a"}, kv.Realm{Name: "b"}, kv.Realm{Name: "c"}

// setsOf are writes that name one group each.
func setsOf(groups ...string) (writes []*write) {
	for _, group := range groups {
		writes = append(writes, &write{command: commands.SetCommand{Group: group}})
	}
	return writes
}

func TestExpiryqueue_Served_Good(t *testing.T) {
	t.Run("RealmsTakeTurns", func(t *testing.T) {
		queue := newExpiryQueue()
		assert.True(t, queue.empty())
		for _, of := range []kv.Realm{realmA, kv.WholeStore, realmB, realmA, realmC, realmA} {
			queue.join(of)
		}
		for _, turn := range []struct {
			finished int
			left     []kv.Realm
		}{
			{0, []kv.Realm{kv.WholeStore, realmB, realmC, realmA}},
			{0, []kv.Realm{realmB, realmC, realmA, kv.WholeStore}},
			{2, []kv.Realm{kv.WholeStore, realmA}},
			{1, []kv.Realm{realmA}},
			{0, []kv.Realm{realmA}},
			{1, nil},
		} {
			questions, writes := queue.served(turn.finished)
			assert.Empty(t, questions)
			assert.Empty(t, writes)
			assert.Equal(t, turn.left, queue.realms)
		}
		assert.True(t, queue.empty())
	})
	t.Run("QuestionsOfManyTurns", func(t *testing.T) {
		queue := newExpiryQueue()
		asked := 0
		question := func(committer *Committer) { asked++ }
		for range readsPerTurn + 10 {
			queue.ask(realmA, question)
			queue.ask(realmB, question)
		}
		for _, want := range []int{readsPerTurn, readsPerTurn, 20} {
			questions, _ := queue.served(len(queue.realms))
			assert.Len(t, questions, want)
			for _, question := range questions {
				question(nil)
			}
		}
		assert.True(t, queue.empty())
		assert.Equal(t, 2*readsPerTurn+20, asked, "each once")
	})
	t.Run("WritesGoOnWithTheirRealm", func(t *testing.T) {
		queue, writes := newExpiryQueue(), setsOf("a:1", "b:1", "a:2", "c:1")
		assert.False(t, queue.hold(writes[0]))
		queue.postpone(writes[0], realmA)
		queue.postpone(writes[1], realmB)
		assert.False(t, queue.hold(writes[2]), "another group")
		queue.postpone(writes[2], realmA)
		queue.postpone(writes[3], realmC)
		_, released := queue.served(0)
		assert.Empty(t, released)
		require.Equal(t, []kv.Realm{realmB, realmC, realmA}, queue.realms)
		_, released = queue.served(1)
		assert.Equal(t, []*write{writes[1]}, released)
		_, released = queue.served(2)
		assert.Equal(t, []*write{writes[0], writes[2], writes[3]}, released)
		assert.Empty(t, queue.named)
	})
}

func TestExpiryqueue_Hold_Ugly(t *testing.T) {
	t.Run("NoneOvertakesAnotherOfItsGroup", func(t *testing.T) {
		queue, writes := newExpiryQueue(), setsOf("a:1", "a:1", "b:1", "a:1")
		queue.postpone(writes[0], realmA)
		require.True(t, queue.hold(writes[1]))
		queue.postpone(writes[2], realmB)
		require.True(t, queue.hold(writes[3]))
		queue.join(realmA)
		require.Equal(t, []kv.Realm{realmA, realmB}, queue.realms)
		_, released := queue.served(1)
		assert.Equal(t, []*write{writes[0], writes[1], writes[3]}, released)
		assert.False(t, queue.hold(writes[0]))
		assert.True(t, queue.hold(&write{command: commands.Answered{Command: commands.DeleteGroupCommand{Group: "b:1"}}}))
	})
	t.Run("BehindSeveral", func(t *testing.T) {
		// The transaction names groups of two that wait, in realms that finish one after
		// the other, and has another one behind it.
		queue := newExpiryQueue()
		transaction := &write{command: commands.TransactionCommand{
			If:   []commands.Guard{{Group: "events:1"}},
			Then: []commands.Command{commands.SetCommand{Group: "admin:1"}},
			Else: []commands.Command{commands.GetOperation{Group: "g"}},
		}}
		first, last := setsOf("events:1", "admin:1"), setsOf("g")
		queue.postpone(first[0], realmA)
		queue.postpone(first[1], realmB)
		require.True(t, queue.hold(transaction))
		require.True(t, queue.hold(last[0]))
		_, released := queue.served(1)
		assert.Equal(t, []*write{first[0]}, released)
		require.True(t, queue.hold(first[0]), "what names a group of the transaction waits behind it")
		_, released = queue.served(1)
		assert.Equal(t, []*write{first[1], transaction, last[0], first[0]}, released)
	})
	t.Run("WhatNamesNoGroupPasses", func(t *testing.T) {
		queue := newExpiryQueue()
		queue.postpone(&write{command: commands.DeletePrefixCommand{Prefix: "a:"}}, realmA)
		queue.postpone(setsOf("a:1")[0], realmA)
		for _, command := range []commands.Command{commands.DeletePrefixCommand{Prefix: "a:"}, &Lending{}, &commands.Expire{}, commands.TransactionCommand{}, commands.TouchCommand{Group: "a:2"}, commands.IncrementCommand{Group: "a:3"}, commands.DeleteCommand{Group: "a:4"}} {
			assert.False(t, queue.hold(&write{command: command}), "%#v", command)
		}
	})
	t.Run("GivenUp", func(t *testing.T) {
		queue, writes := newExpiryQueue(), setsOf("a:1", "a:1", "b:1")
		queue.postpone(writes[0], realmA)
		require.True(t, queue.hold(writes[1]))
		queue.postpone(writes[2], realmB)
		queue.ask(realmB, func(committer *Committer) {})
		queue.ask(kv.WholeStore, func(committer *Committer) {})
		assert.True(t, queue.hasWrites())
		assert.Equal(t, writes, queue.giveUpWrites())
		assert.False(t, queue.hasWrites())
		assert.False(t, queue.hold(writes[0]))
		questions, _ := queue.served(3)
		assert.Len(t, questions, 2, "questions stay until their realms are served")
		assert.True(t, queue.empty())
	})
}

func TestDue_RealmOf_Good(t *testing.T) {
	for group, want := range map[string]string{"acme:config": "acme", "acme:a:b": "acme", "config": "", ":config": "", "": "", "events:x": "events", "a b:x": "a b", "\xff\x00:x": "\xff\x00"} {
		assert.Equal(t, kv.Realm{Name: want}, kv.RealmOf(group), group)
		assert.Equal(t, -1, kv.WholeStore.Compare(kv.RealmOf(group)))
	}
	assert.Equal(t, kv.WholeStore, kv.RealmOfPrefix("acme"))
	assert.Equal(t, kv.WholeStore, kv.RealmOfPrefix(""))
	assert.Equal(t, realmA, kv.RealmOfPrefix("a:"))
	assert.Equal(t, realmA, kv.RealmOfPrefix("a:b"))
}
