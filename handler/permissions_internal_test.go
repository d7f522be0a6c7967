// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The broker's text distinguishes a refused reply from a refused subscription.
func TestPermissions_IsRefusedReply_Good(t *testing.T) {
	nothing := &server.SubjectPermission{Deny: []string{">"}}
	broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, Users: []*server.User{
		{Username: "sidecar", Permissions: &server.Permissions{Publish: nothing, Subscribe: nothing}},
	}})
	require.NoError(t, err)
	broker.Start()
	defer func() { broker.Shutdown(); broker.WaitForShutdown() }()
	connection, err := nats.Connect("", nats.InProcessServer(broker), nats.UserInfo("sidecar", ""), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	defer connection.Close()
	service := &Service{connection: connection}
	require.NoError(t, service.refusedSince(nil))

	require.NoError(t, connection.Publish("elsewhere", nil))
	require.NoError(t, connection.Flush())
	reply := service.refusedSince(nil)
	require.ErrorIs(t, reply, nats.ErrPermissionViolation)
	assert.True(t, isRefusedReply(reply))
	assert.NoError(t, service.refusedSince(reply), "nothing since")

	_, err = connection.QueueSubscribeSync("store.*.set", ServiceName)
	require.NoError(t, err)
	require.NoError(t, connection.Flush())
	subscription := service.refusedSince(reply)
	require.ErrorIs(t, subscription, nats.ErrPermissionViolation)
	assert.False(t, isRefusedReply(subscription))
}
