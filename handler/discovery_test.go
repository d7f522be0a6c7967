// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"testing"

	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

func TestDiscovery_Respond_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	id := bench.info().ID
	for _, addressed := range []string{"", ".storebus", ".storebus." + id} {
		ping := ask[micro.Ping](bench, "$SRV.PING"+addressed, "")
		assert.Equal(t, micro.PingResponseType, ping.Type)
		assert.Equal(t, id, ping.ID, "the same in every answer")
		info := ask[micro.Info](bench, "$SRV.INFO"+addressed, "")
		assert.Equal(t, micro.InfoResponseType, info.Type)
		assert.Equal(t, ping.ServiceIdentity, info.ServiceIdentity)
		stats := ask[micro.Stats](bench, "$SRV.STATS"+addressed, "")
		assert.Equal(t, micro.StatsResponseType, stats.Type)
		assert.Len(t, stats.Endpoints, len(info.Endpoints))
	}

	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
	assert.ErrorIs(t, bench.refuse("store.acme.set", `{}`), subjects.ErrBadRequest)
	bench.awaitAnswered("set", 2)
	for _, endpoint := range ask[micro.Stats](bench, "$SRV.STATS.storebus", "").Endpoints {
		if endpoint.Name != "set" {
			assert.Zero(t, endpoint.NumRequests, endpoint.Name)
			continue
		}
		assert.Equal(t, "store.*.set", endpoint.Subject)
		assert.Equal(t, handler.ServiceName, endpoint.QueueGroup)
		assert.Equal(t, 2, endpoint.NumRequests)
		assert.Equal(t, 1, endpoint.NumErrors)
		assert.Positive(t, endpoint.ProcessingTime)
		assert.Equal(t, endpoint.ProcessingTime/2, endpoint.AverageProcessingTime)
	}
}

// A question is a request too: its sender cannot make the sidecar publish to a subject
// forbidden to the sender.
func TestDiscovery_Respond_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	victim, err := bench.client.SubscribeSync("store.events.>")
	require.NoError(t, err)
	for _, subject := range []string{"$SRV.PING", "$SRV.INFO.storebus", "$SRV.STATS"} {
		require.NoError(t, bench.client.PublishRequest(subject, "store.events.acme.x", nil))
		require.NoError(t, bench.client.Publish(subject, nil))
		// The same subscription takes this one, after the others.
		bench.request(subject, "")
	}
	pending, _, err := victim.Pending()
	require.NoError(t, err)
	assert.Zero(t, pending)
}
