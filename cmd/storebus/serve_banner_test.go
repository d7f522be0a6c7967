// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
)

// startUserBroker starts a broker with the users sidecar and client. Their password is p.
func startUserBroker(t *testing.T, ofSidecar *server.Permissions) *server.Server {
	t.Helper()
	broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, Users: []*server.User{
		{Username: "sidecar", Password: "p", Permissions: ofSidecar}, {Username: "client", Password: "p"},
	}})
	require.NoError(t, err)
	broker.Start()
	t.Cleanup(broker.Shutdown)
	require.True(t, broker.ReadyForConnections(servePatience))
	return broker
}

// errorsOf ends a program and returns its standard error.
func (program *program) errorsOf(t *testing.T) string {
	t.Helper()
	status, rest := program.end(t, syscall.SIGTERM)
	require.Equal(t, exitDone, status, program.errors)
	assert.Empty(t, rest, "standard output has one line")
	return program.errors.String()
}

func TestServeBanner_Print_Good(t *testing.T) {
	first := startProgram(t, nil, "serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--database", "kept.db",
		"--journal-url", "http://127.0.0.1:1", "--journal-bucket", "points")
	url := first.ready(t)
	connection, err := nats.Connect(url)
	require.NoError(t, err)
	_, err = connection.Request("store.acme.set.config.theme", []byte("dark"), servePatience)
	require.NoError(t, err)
	connection.Close()
	assert.Contains(t, first.errorsOf(t), "  Journal     http://127.0.0.1:1, bucket points\n")

	again := startProgram(t, nil, "serve", "--listen", "127.0.0.1:0", "--http", "", "--database", first.command.Dir+"/kept.db")
	url = again.ready(t)
	banner := again.errorsOf(t)
	assert.Contains(t, banner, "  NATS        "+url+" (embedded broker, open: asks nobody for credentials)\n")
	assert.Contains(t, banner, "  Web         off\n")
	assert.Regexp(t, `\n  Data        /.*/kept\.db \(\d+ KiB, 1 key in 1 namespace\)\n`, banner)
	assert.Contains(t, banner, "  Journal     off\n")
	assert.Contains(t, banner, "  Durability  full: a success reply means on disk; survives a power cut\n")
	assert.Contains(t, banner, " set acme config theme dark --nats "+url+"\n")
}

func TestServeBanner_Print_Good_OnABrokerWithUsers(t *testing.T) {
	broker := startUserBroker(t, nil)
	program := startProgram(t, []string{"STOREBUS_PASSWORD=p"}, "serve", "--nats", broker.ClientURL(), "--user", "sidecar", "--http", "127.0.0.1:0", "--durability", "relaxed")
	program.ready(t)
	banner := program.errorsOf(t)
	assert.Contains(t, banner, broker.ClientURL()+" (outside broker, asks for credentials)\n")
	assert.Regexp(t, `\n  Try it      .* --nats nats://.*, with --user, --creds or --nkey, and --inbox-prefix of a client \(.* permissions acme prints its user\)\n`, banner)
	assert.Regexp(t, `\n  Web         http://127\.0\.0\.1:\d+/\n`, banner)
	assert.Contains(t, banner, "  Durability  relaxed: survives a crash of storebus, not of the machine\n")
}

func TestServeBanner_Print_Ugly_InALogInJSON(t *testing.T) {
	program := startProgram(t, []string{"STOREBUS_LOG_FORMAT=json"}, "serve", "--listen", "127.0.0.1:0", "--database", ":memory:")
	url := program.ready(t)
	text := program.errorsOf(t)
	var records []map[string]any
	for line := range strings.Lines(text) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record), line)
		records = append(records, record)
	}
	require.NotEmpty(t, records)
	assert.Equal(t, "serving", records[0]["msg"])
	assert.Equal(t, url, records[0]["nats"])
	assert.Equal(t, "memory: nothing is kept, data ends with this process", records[0]["durability"])
	assert.InDelta(t, 0, records[0]["keys"], 0)
}

func TestServeBanner_Print_Ugly_NotCounted(t *testing.T) {
	var output bytes.Buffer
	summary := storebus.Summary{NATSURL: "nats://127.0.0.1:4222", DatabasePath: "storebus.db", DatabaseBytes: 4096, Durability: store.DurabilityFull}
	printBanner(&output, &summary, "storebus set", "", errors.New("the disk hangs"))
	assert.Contains(t, output.String(), "storebus.db (4.0 KiB, keys not counted)\n")
	lines := bufio.NewScanner(&output)
	for lines.Scan() {
		assert.Equal(t, strings.TrimRight(lines.Text(), " \t"), lines.Text())
	}
}

func TestServeBanner_Web_Good(t *testing.T) {
	config := &storebus.Config{HTTPAddress: "127.0.0.1:4280", HTTPAnyPort: true}
	assert.Empty(t, takenAddress(config, "http://127.0.0.1:4280/"))
	assert.Empty(t, takenAddress(config, ""))
	assert.Empty(t, takenAddress(&storebus.Config{HTTPAddress: "0.0.0.0:0"}, "http://127.0.0.1:5000/"))
	taken := takenAddress(config, "http://127.0.0.1:5000/")
	summary := storebus.Summary{HTTPURL: "http://127.0.0.1:5000/"}
	var output bytes.Buffer
	printBanner(&output, &summary, "storebus set", taken, nil)
	assert.Contains(t, output.String(), "  Web         http://127.0.0.1:5000/ (127.0.0.1:4280 is in use, so another port was taken)\n")
	attributes := bannerAttributes(&summary, "storebus set", taken, nil)
	assert.Contains(t, attributes, slog.String("web_address_in_use", "127.0.0.1:4280"))
}
