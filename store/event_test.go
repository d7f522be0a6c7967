// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

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
