// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestEvent_String_Good(t *testing.T) {
	for eventType, name := range map[store.EventType]string{
		store.EventSet: "set", store.EventDelete: "delete", store.EventDeleteGroup: "delete_group", store.EventTouch: "touch", store.EventExpire: "expire",
		-1: "unknown", 5: "unknown",
	} {
		assert.Equal(t, name, eventType.String())
	}
}

func TestEvent_LocalGroup_Good(t *testing.T) {
	for _, group := range []string{"acme:config", "acme:user:42", "acme:acme:x", "acme:", "config", ":config", "events:x", ""} {
		namespace, name := store.NamespaceOf(group)
		event := store.Event{Namespace: namespace, Group: group}
		assert.Equal(t, name, event.LocalGroup(), "%q", group)
	}
}

func TestEvent_Awaited_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	consumer := registerConsumer(t, opened)
	setKeys(t, opened, "early")
	group, pages := "g", make(chan store.ChangesPage, 1)
	opened.SubmitChanges(context.Background(), store.ChangesQuery{Namespace: "acme", Group: &group, After: 1, Wait: time.Hour}, func(page store.ChangesPage, err error) {
		assert.NoError(t, err)
		pages <- page
	})
	require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
		require.NoError(t, transaction.Set("acme:g", "awaited", ""))
		return transaction.Set("acme:other", "beside", "")
	}))
	page := <-pages
	setKeys(t, opened, "late")
	require.Len(t, page.Events, 1)
	assert.True(t, page.Events[0].Awaited())
	awaited := func(events []store.Event) map[string]bool {
		keys := map[string]bool{}
		for index := range events {
			keys[events[index].Key] = events[index].Awaited()
		}
		return keys
	}
	commits, err := consumer.Next(t.Context())
	require.NoError(t, err)
	var events []store.Event
	for _, commit := range commits {
		events = append(events, commit.Events...)
	}
	assert.Equal(t, map[string]bool{"early": false, "awaited": true, "beside": false, "late": false}, awaited(events))
	reopened := reopen(t, opened, store.StoreConfig{DatabasePath: opened.DatabasePath()})
	page, err = reopened.Changes(t.Context(), store.ChangesQuery{Namespace: "acme"})
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"early": false, "awaited": false, "beside": false, "late": false}, awaited(page.Events), "nobody waits for what is read later")
	assert.False(t, (*store.Event)(nil).Awaited())
}
