// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// BenchmarkService_Request sends requests through the whole service, 64 in flight, on a
// store with a file. Its allocations include those of client and broker.
func BenchmarkService_Request(b *testing.B) {
	value := strings.Repeat("v", 128)
	for _, request := range []struct{ name, subject, payload string }{
		{"Set", "store.acme.set", `{"group":"config","key":"theme","value":"` + value + `"}`},
		{"SetRaw", "store.acme.set.config.theme", value},
		{"Get", "store.acme.get", `{"group":"config","key":"theme"}`},
		{"GetRaw", "store.acme.get.config.theme", ""},
		{"Exists", "store.acme.exists", `{"group":"config","key":"theme"}`},
		{"List", "store.acme.list", `{"group":"config"}`},
	} {
		b.Run(request.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "storebus.db")
			bench := startService(b, handler.Config{Store: openStore(b, store.StoreConfig{DatabasePath: path, Limits: limits})})
			require.NoError(b, bench.store.Set("acme:config", "theme", value))
			measureRequests(b, bench.client, request.subject, []byte(request.payload))
		})
	}
}

// measureRequests keeps 64 requests in flight until b.N are answered.
func measureRequests(b *testing.B, connection *nats.Conn, subject string, payload []byte) {
	b.Helper()
	inbox := connection.NewInbox()
	places := make(chan struct{}, 64)
	failures := 0
	subscription, err := connection.Subscribe(inbox, func(reply *nats.Msg) {
		if reply.Header.Get(subjects.HeaderErrorCode) != "" {
			failures++
		}
		<-places
	})
	require.NoError(b, err)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		places <- struct{}{}
		require.NoError(b, connection.PublishRequest(subject, inbox, payload))
	}
	for range cap(places) {
		places <- struct{}{}
	}
	b.StopTimer()
	require.NoError(b, subscription.Unsubscribe())
	require.Zero(b, failures, "replies that report an error")
}
