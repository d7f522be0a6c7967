// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

func TestPermissions_Users_Good(t *testing.T) {
	t.Run("UnderAnotherPrefix", func(t *testing.T) {
		space, err := subjects.NewSpace("berlin.store")
		require.NoError(t, err)
		users, err := handler.Users(space, "acme")
		require.NoError(t, err)
		assert.Equal(t, []handler.User{
			{Name: "storebus_requests", Purpose: "the sidecar's connection for requests", InboxPrefix: "_INBOX_berlin.store.storebus_requests",
				Publish:   []string{"_INBOX_berlin.store.>", "_INBOX.>", "$SRV.INFO.storebus"},
				Subscribe: []string{"_INBOX_berlin.store.storebus_requests.>", "berlin.store.*.* storebus", "berlin.store.*.*.*.* storebus", "$SRV.>"}},
			{Name: "storebus_events", Purpose: "the sidecar's connection for events", Publish: []string{"berlin.store.events.>"}},
			{Name: "storebus_operator", Purpose: "an operator", InboxPrefix: "_INBOX_berlin.store.storebus_operator",
				Publish: []string{"berlin.store.admin.>", "$SRV.>"}, Subscribe: []string{"_INBOX_berlin.store.storebus_operator.>"}},
			{Name: "acme", Purpose: "the tenant acme", InboxPrefix: "_INBOX_berlin.store.acme",
				Publish: []string{"berlin.store.acme.>"}, Subscribe: []string{"_INBOX_berlin.store.acme.>", "berlin.store.events.acme.>"}},
			{Name: "acme_consumer", Purpose: "a consumer of acme", InboxPrefix: "_INBOX_berlin.store.acme_consumer",
				Publish:   []string{"berlin.store.acme.changes", "berlin.store.acme.scan", "berlin.store.acme.get"},
				Subscribe: []string{"_INBOX_berlin.store.acme_consumer.>", "berlin.store.events.acme.>"}},
		}, users)
	})
	t.Run("NoTwoShareAnInbox", func(t *testing.T) {
		users, err := handler.Users(subjects.Space{}, "acme", "ACME", "acme-consumer", "storebus", "requests", "storebus-requests")
		require.NoError(t, err)
		names, prefixes := map[string]bool{}, map[string]bool{}
		for _, user := range users {
			names[user.Name], prefixes[user.InboxPrefix] = true, true
		}
		assert.Len(t, names, len(users))
		assert.Len(t, prefixes, len(users))
	})
}

func TestPermissions_Users_Bad(t *testing.T) {
	for _, namespace := range []string{"", "admin", "events", "a.b", "*", ">", "acme_consumer"} {
		_, err := handler.Users(subjects.Space{}, "acme", namespace)
		assert.ErrorIs(t, err, subjects.ErrBadRequest)
	}
}
