// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/textproto"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// FuzzService_Headers sends raw header blocks, which no client library would send. Every
// one is answered. A block that cannot be decoded, or misspells a header of the contract,
// is refused and changes nothing.
func FuzzService_Headers(f *testing.F) {
	for _, block := range []string{
		"NATS/1.0\r\n\r\n", "NATS/1.0\r\nStorebus-If-Revision: 0\r\n\r\n", "NATS/1.0\r\nnats-ttl: 1h\r\n\r\n", "NATS/1.0\r\nNats-TTL 1h\r\n\r\n",
		"NATS/1.0\r\nNats-Msg-Id: a\r\nnats-msg-id: a\r\n\r\n", "NATS/1.0\r\nStorebus-If-Revison: 0\r\n\r\n", "NATS/1.0\r\nNats-TTL : 1h\r\n\r\n",
		"NATS/1.0 503\r\n\r\n", "NATS/1.0 5\r\n\r\n", "NATS/2.0\r\n\r\n", "\r\n", "\x00", "NATS/1.0\r\n: x\r\n\r\n", "NATS/1.0\r\nX: y\r\n",
		"NATS/1.0\r\ntraceparent: \xff\r\n\r\n", "NATS/1.0\nNats-TTL:never\n\n",
	} {
		f.Add([]byte(block))
	}
	bench := startService(f, handler.Config{})
	wire, err := net.Dial("tcp", bench.client.ConnectedAddr())
	require.NoError(f, err)
	f.Cleanup(func() { _ = wire.Close() })
	_, err = wire.Write([]byte("CONNECT {\"verbose\":false,\"headers\":true}\r\n"))
	require.NoError(f, err)
	inbox := bench.client.NewInbox()
	replies, err := bench.client.SubscribeSync(inbox)
	require.NoError(f, err)
	require.NoError(f, bench.client.Flush())
	sent := 0
	f.Fuzz(func(t *testing.T, block []byte) {
		if len(block) == 0 {
			return
		}
		sent++
		value := strconv.Itoa(sent)
		_, err := fmt.Fprintf(wire, "HPUB store.acme.set.g.k %s %d %d\r\n%s%s\r\n", inbox, len(block), len(block)+len(value), block, value)
		require.NoError(t, err)
		reply, err := replies.NextMsg(patience)
		require.NoError(t, err)
		code := reply.Header.Get(subjects.HeaderErrorCode)
		message, err := nats.DecodeHeadersMsg(block)
		if err == nil {
			_, err = subjects.ReadRequestHeaders(message)
		}
		if err != nil {
			require.Equal(t, "400", code, "%q: %s", block, reply.Data)
		}
		if code != "" {
			require.Contains(t, []string{"400", "409"}, code, "%q: %s", block, reply.Data)
			stands, err := bench.client.Request("store.acme.get.g.k", nil, patience)
			require.NoError(t, err)
			require.NotEqual(t, value, string(stands.Data), "%q", block)
			return
		}
		for name, values := range message {
			if len(name) == len(subjects.HeaderTTL) && strings.EqualFold(name, subjects.HeaderTTL) && values[0] != "never" && values[0] != "keep" {
				require.NotEmpty(t, reply.Header.Get(subjects.HeaderExpiresAt), "%q", block)
			}
		}
	})
}

// FuzzService_Bodies sends any body to any verb. Every one is answered, with a success
// that is JSON or with an error of the contract that is nobody's fault but the sender's.
func FuzzService_Bodies(f *testing.F) {
	var endpoints []string
	for _, verb := range subjects.TenantVerbs() {
		endpoints = append(endpoints, "store.acme."+string(verb))
	}
	for _, verb := range subjects.AdminVerbs() {
		endpoints = append(endpoints, "store.admin."+string(verb))
	}
	for index := range endpoints {
		for _, body := range []string{
			`{}`, `{"key":"k","value":"v","ttl":"1h","if_revision":0}`, `{"key":"k"}`, `{"group":"g","key":"k","separator":""}`, `{"after":0}`, `{"limit":1}`,
			`{"workspace":"w","kind":"a","data":{"n":1e400}}`, `{"workspace":"w"}`, `{"workspace":"w","sql":"SELECT * FROM entries"}`, `{"template":"{{.k}}"}`,
			`{"flux":"from(bucket:\"journal\") |> range(start:-1h)"}`, `{"measurement":"m","fields":{"a":1.5,"b":{"integer":"5"}},"tags":{"t":""}}`,
			`{"then":[{"op":"set","key":"k","value":"v"},{"op":"get","key":"k","ttl":5}],"if":[{"key":"k","exists":false}]}`, `{"entries":[{"key":"k"}]}`,
			`{"namespace":"acme","max_keys":0}`, `{"prefix":""}`, `{"entry_ids":[1]}`, `{"before":"2020-01-01T00:00:00Z"}`, `{"file":"a.db"}`,
		} {
			f.Add(uint8(index), body)
		}
	}
	folder := f.TempDir()
	opened := openStore(f, store.StoreConfig{DatabasePath: filepath.Join(folder, "storebus.db"), WorkspaceStateDirectory: filepath.Join(folder, "workspaces"), Limits: limits})
	bench := startService(f, handler.Config{Store: opened})
	f.Fuzz(func(t *testing.T, index uint8, body string) {
		subject := endpoints[int(index)%len(endpoints)]
		if strings.HasSuffix(subject, ".changes") && strings.Contains(body, "wait") {
			return // it is held as long as it says
		}
		reply, err := bench.client.Request(subject, []byte(body), patience)
		require.NoError(t, err, "%s %s", subject, body)
		require.True(t, json.Valid(reply.Data), "%s %s: %s", subject, body, reply.Data)
		code := reply.Header.Get(subjects.HeaderErrorCode)
		if code == "" {
			return
		}
		failure, err := subjects.ParseError(reply.Data)
		require.NoError(t, err)
		require.Equal(t, code, strconv.Itoa(failure.Code))
		require.NotEqual(t, 500, failure.Code, "%s %s: %s", subject, body, reply.Data)
		require.Equal(t, textproto.TrimString(failure.Message), failure.Message)
	})
}
