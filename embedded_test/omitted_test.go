// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A broker that carries less than the one before does not stop the events: one that
// is too large for it goes out without its value.
func TestOmitted_Event_Ugly(t *testing.T) {
	database := filepath.Join(t.TempDir(), "storebus.db")
	// The first broker takes no event, so that all are left for the second.
	large := startServer(t, &server.Options{Users: []*server.User{
		{Username: "sidecar", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"store.events.>"}}}},
		{Username: "client", Password: "p"},
	}})
	first := startServe(t, "nats://sidecar:p@"+large.Addr().String(), database)
	writer := &tenant{connection: connect(t, large.ClientURL(), nats.UserInfo("client", "p")), namespace: "acme"}
	decode[setReply](t, writer.raw(t, "set", "g", "large", []byte(strings.Repeat("x", 500<<10))))
	writer.set(t, "g", "small", "v")
	first.kill(t)

	small := startServer(t, &server.Options{MaxPayload: 128 << 10})
	acme := newTenant(t, small.ClientURL(), "acme")
	events := &feed{Subscription: subscribe(t, acme.connection, "store.events.acme.>")} // there is no sidecar yet
	startServe(t, small.ClientURL(), database)
	announced := events.next(t)
	omitted := decodeBody[event](t, announced.Data)
	assert.Equal(t, uint64(1), omitted.Revision)
	assert.True(t, omitted.ValueOmitted)
	assert.Nil(t, omitted.Value)
	assert.Equal(t, "large", *omitted.Key)
	assert.True(t, *omitted.Created)
	whole := nextEvent(t, events)
	assert.Equal(t, "v", *whole.Value, "it never stops the rest")
	assert.False(t, whole.ValueOmitted)

	page := acme.changes(t, "after", 0)
	require.Len(t, page.Changes, 2)
	assert.Equal(t, string(announced.Data), string(page.Changes[0]), "each exactly as its event")
}
