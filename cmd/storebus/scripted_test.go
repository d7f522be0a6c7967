// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// newScriptedShell starts a broker and serves a subject there. Requests get the replies one
// after the other, and the last one from then on. STOREBUS_NATS points to the broker. The
// returned channel receives the requests.
func newScriptedShell(t *testing.T, subject string, replies ...*nats.Msg) (*shell, <-chan *nats.Msg) {
	t.Helper()
	isolate(t)
	url := startBroker(t, server.Options{})
	t.Setenv("STOREBUS_NATS", url)
	connection, err := nats.Connect(url)
	require.NoError(t, err)
	t.Cleanup(connection.Close)

	requests := make(chan *nats.Msg, 100)
	_, err = connection.Subscribe(subject, func(request *nats.Msg) {
		requests <- request
		_ = request.RespondMsg(replies[0])
		if len(replies) > 1 {
			replies = replies[1:]
		}
	})
	require.NoError(t, err)
	require.NoError(t, connection.Flush())
	return &shell{}, requests
}

// body is a success reply.
func body(text string) *nats.Msg { return &nats.Msg{Data: []byte(text)} }

// refusal is a reply that reports an error.
func refusal(code, text string) *nats.Msg {
	return &nats.Msg{Data: []byte(text), Header: nats.Header{"Nats-Service-Error": {"refused"}, "Nats-Service-Error-Code": {code}}}
}
