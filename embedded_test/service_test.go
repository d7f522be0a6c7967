// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// discover asks a discovery subject of the micro protocol.
func discover[Body any](t *testing.T, connection *nats.Conn, verb string) Body {
	t.Helper()
	reply, err := connection.Request("$SRV."+verb+".storebus", nil, patience)
	require.NoError(t, err)
	var body Body
	require.NoError(t, json.Unmarshal(reply.Data, &body), "%s", reply.Data)
	return body
}

func TestService_Info_Good(t *testing.T) {
	connection := connect(t, startSidecar(t).NATSURL())
	info := discover[micro.Info](t, connection, "INFO")
	status := readStatus(t, connection)

	assert.Equal(t, "storebus", discover[micro.Ping](t, connection, "PING").Name)
	assert.Equal(t, "storebus", info.Name)
	assert.NotEmpty(t, info.Version)
	assert.NotEmpty(t, info.Description)
	assert.Equal(t, status.Store, info.Metadata["store"])
	assert.Equal(t, status.Instance, info.Metadata["instance"])
	assert.Equal(t, "full", info.Metadata["durability"])
	assert.Equal(t, "store", info.Metadata["prefix"])

	endpoints := map[string]micro.EndpointInfo{}
	for _, endpoint := range info.Endpoints {
		endpoints[endpoint.Name] = endpoint
		assert.Equal(t, "storebus", endpoint.QueueGroup, endpoint.Name)
		assert.NotEmpty(t, endpoint.Metadata["description"], endpoint.Name)
		assert.Contains(t, []string{"true", "false"}, endpoint.Metadata["writes"], endpoint.Name)
	}
	for name, want := range map[string]struct{ subject, writes string }{
		"set":          {"store.*.set", "true"},
		"set_raw":      {"store.*.set.*.*", "true"},
		"get":          {"store.*.get", "false"},
		"get_raw":      {"store.*.get.*.*", "false"},
		"delete":       {"store.*.delete", "true"},
		"delete_raw":   {"store.*.delete.*.*", "true"},
		"exists":       {"store.*.exists", "false"},
		"exists_raw":   {"store.*.exists.*.*", "false"},
		"list":         {"store.*.list", "false"},
		"changes":      {"store.*.changes", "false"},
		"admin_status": {"store.admin.status", "false"},
	} {
		if assert.Contains(t, endpoints, name) {
			assert.Equal(t, want.subject, endpoints[name].Subject)
			assert.Equal(t, want.writes, endpoints[name].Metadata["writes"], name)
		}
	}
}

func TestService_Endpoints_Good(t *testing.T) {
	info := discover[micro.Info](t, connect(t, startSidecar(t).NATSURL()), "INFO")
	for index, one := range info.Endpoints {
		for _, other := range info.Endpoints[index+1:] {
			assert.False(t, overlap(one.Subject, other.Subject),
				"%s and %s would share the messages of one queue group", one.Subject, other.Subject)
		}
	}
}

// overlap reports whether a subject can match both patterns. Neither may end in >.
func overlap(one, other string) bool {
	left, right := strings.Split(one, "."), strings.Split(other, ".")
	if len(left) != len(right) {
		return false
	}
	for index := range left {
		if left[index] != right[index] && left[index] != "*" && right[index] != "*" {
			return false
		}
	}
	return true
}

func TestService_Stats_Good(t *testing.T) {
	sidecar := startSidecar(t)
	acme := newTenant(t, sidecar.NATSURL(), "acme")
	for range 10 {
		acme.set(t, "config", "theme", "dark")
	}
	requireFailure(t, acme.call(t, "get", `{"key":"missing"}`), 404, "not_found")

	stats := discover[micro.Stats](t, acme.connection, "STATS")
	found := map[string]*micro.EndpointStats{}
	for _, endpoint := range stats.Endpoints {
		found[endpoint.Name] = endpoint
	}
	require.Contains(t, found, "set")
	require.NotEmpty(t, found["set"].Data, "the true figures stand in data")
	require.Contains(t, found, "get")
	assert.Contains(t, string(found["get"].Data), "not_found", "errors by name")
	assert.NotContains(t, string(found["set"].Data), "not_found")
	for _, figure := range []string{"p50", "p99", "queue"} {
		assert.Contains(t, string(found["set"].Data), figure)
	}
}

func TestService_Status_Good(t *testing.T) {
	sidecar := startSidecar(t)
	acme := newTenant(t, sidecar.NATSURL(), "acme")
	acme.set(t, "config", "theme", "dark")
	acme.set(t, "config", "size", "12")
	(&tenant{connection: acme.connection, namespace: "other"}).set(t, "g", "k", "v")

	status := readStatus(t, acme.connection)
	assert.Equal(t, acme.changes(t, "after", 0).Store, status.Store)
	assert.NotEmpty(t, status.Instance)
	assert.NotEmpty(t, status.Version)
	assert.Equal(t, "store", status.Prefix)
	assert.Equal(t, "full", status.Durability)
	assert.True(t, status.Writable)
	assert.Empty(t, status.Reason)
	for name, number := range map[string]*uint64{"namespaces": status.Namespaces, "entries": status.Entries} {
		require.NotNil(t, number, name)
	}
	assert.Equal(t, uint64(2), *status.Namespaces)
	assert.Equal(t, uint64(3), *status.Entries)
	require.NotNil(t, status.UnscopedEntries)
	assert.Zero(t, *status.UnscopedEntries)
	require.NotNil(t, status.Backlog)
	require.NotNil(t, status.PendingMaterialisation)
	assert.NotEmpty(t, status.Queue)
}

func TestService_Status_Bad(t *testing.T) {
	connection := connect(t, startSidecar(t).NATSURL())
	reply, err := connection.Request("store.admin.status", []byte(`{"verbose":true}`), patience)
	require.NoError(t, err)
	requireBadField(t, answer{reply}, "verbose")
}

func TestService_Durability_Good(t *testing.T) {
	for durability, adjust := range map[string]func(*storebus.Config){
		"full":    func(*storebus.Config) {},
		"relaxed": func(config *storebus.Config) { config.Durability = "relaxed" },
		"memory":  func(config *storebus.Config) { config.DatabasePath = ":memory:" },
	} {
		t.Run(durability, func(t *testing.T) {
			acme := newTenant(t, startSidecarWith(t, embeddedConfig(t, adjust)).NATSURL(), "acme")
			assert.Equal(t, uint64(1), acme.set(t, "config", "theme", "dark"))
			assert.Equal(t, durability, readStatus(t, acme.connection).Durability)
			assert.Equal(t, durability, discover[micro.Info](t, acme.connection, "INFO").Metadata["durability"])
		})
	}
}

func TestService_Close_Good(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	sidecar := startSidecarWith(t, outsideConfig(t, outside.URL()))
	acme := newTenant(t, outside.URL(), "acme")
	events := subscribe(t, acme.connection, "store.events.>")
	acme.set(t, "config", "theme", "dark")

	require.NoError(t, sidecar.Close())
	_, err := acme.connection.Request("store.acme.get", []byte(`{"key":"k"}`), time.Minute)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	assert.Equal(t, uint64(1), decodeBody[event](t, receive(t, events).Data).Revision, "what is committed is published")
	require.NoError(t, sidecar.Close(), "it may be closed twice")
	require.NoError(t, acme.connection.Flush(), "an outside broker stays")
}
