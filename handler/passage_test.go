// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

func TestPassage_Reconnect_Good(t *testing.T) {
	t.Parallel()
	var dials atomic.Uint64
	bench := startService(t, handler.Config{Dials: &dials})
	for range 3 {
		dials.Add(1)
		ask[subjects.SetReply](bench, "store.acme.set", `{"group":"g","key":"k","value":"v"}`)
	}
}

// One that was away gives way to one that serves, whichever is older. It answers nothing meanwhile.
func TestPassage_Reconnect_Bad(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	var dials atomic.Uint64
	older, err := serveOn(t, broker, handler.Config{Instance: "older", Dials: &dials})
	require.NoError(t, err)
	younger, err := serveOn(t, broker, handler.Config{Instance: "younger", AloneAtStart: true})
	require.NoError(t, err)
	dials.Add(1)
	client := connect(t, broker)
	acknowledged := 0
	for range 20 {
		reply, err := client.Request("store.acme.set", []byte(`{"group":"g","key":"k","value":"v"}`), patience)
		require.NoError(t, err)
		if reply.Header.Get(subjects.HeaderErrorCode) == "" {
			acknowledged++
		}
	}
	select {
	case err := <-older.Superseded():
		require.ErrorIs(t, err, handler.ErrOtherSidecar)
		assert.ErrorContains(t, err, "served by instance younger")
	case <-time.After(patience):
		t.Fatal("the older instance goes on")
	}
	assert.Equal(t, uint64(acknowledged), younger.Writes(), "each acknowledged write is the owner's")
	assert.Zero(t, older.Writes())
	select {
	case err := <-younger.Superseded():
		t.Fatal("the younger instance stops", err)
	default:
	}
}

// One that is present and does not answer refuses another.
func TestPassage_Claim_Ugly_TheOtherIsSilent(t *testing.T) {
	t.Parallel()
	broker := startBroker(t, &server.Options{})
	silent := connect(t, broker)
	_, err := silent.SubscribeSync("_INBOX_store.storebus_requests.owner.>")
	require.NoError(t, err)
	require.NoError(t, silent.Flush())
	_, err = serveOn(t, broker, handler.Config{})
	require.ErrorIs(t, err, handler.ErrOtherSidecar)
	require.ErrorContains(t, err, "does not answer")
	silent.Close()
	_, err = serveOn(t, broker, handler.Config{})
	assert.NoError(t, err)
}
