// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServeLog_Level_Good(t *testing.T) {
	t.Run("DebugHasEachRequestWithoutItsBody", func(t *testing.T) {
		program := startProgram(t, nil, "serve", "--listen", "127.0.0.1:0", "--database", ":memory:", "--log-level", "DEBUG")
		connection, err := nats.Connect(program.ready(t))
		require.NoError(t, err)
		defer connection.Close()
		for range 20 {
			_, err = connection.Request("store.acme.set.config.theme", []byte("very-secret"), servePatience)
			require.NoError(t, err)
		}
		_, err = connection.Request("store.acme.get.config.none", nil, servePatience)
		require.NoError(t, err)
		log := program.errorsOf(t)
		line := regexp.MustCompile(`msg=request subject=store\.acme\.set\.config\.theme code=200 request_bytes=11 reply_bytes=\d+ took=`)
		assert.Len(t, line.FindAllString(log, -1), 20, "none is left out")
		assert.Contains(t, log, "msg=request subject=store.acme.get.config.none code=404 request_bytes=0")
		assert.Contains(t, log, `text="Listening for client connections on 127.0.0.1:`)
		assert.NotContains(t, log, "very-secret")
	})
	t.Run("WarnHasNoBanner", func(t *testing.T) {
		program := startProgram(t, []string{"STOREBUS_LOG_LEVEL=warn", "STOREBUS_LOG_FORMAT="}, "serve", "--listen", "127.0.0.1:0", "--database", ":memory:")
		program.ready(t)
		assert.Empty(t, program.errorsOf(t))
	})
}

func TestServeLog_Level_Bad(t *testing.T) {
	for text, arguments := range map[string][]string{
		`--log-level is "loud": use debug, info, warn or error`: {"--log-level", "loud"},
		`--log-format is "xml": use text or json`:               {"--log-format", "xml"},
	} {
		status, output, errorOutput := runProgram(append([]string{"serve"}, arguments...)...)
		assert.Equal(t, exitUsage, status)
		assert.Contains(t, errorOutput, text)
		assert.Empty(t, output)
	}
	t.Setenv("STOREBUS_LOG_LEVEL", "info+2")
	status, _, errorOutput := runProgram("serve")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, errorOutput, `--log-level is "info+2"`)
}

func TestServeLog_Format_Ugly_TheErrorIsJSONToo(t *testing.T) {
	status, output, errorOutput := runProgram("serve", "--log-format", "json", "--prefix", "a..b")
	assert.Equal(t, exitUsage, status)
	assert.Empty(t, output)
	var record map[string]any
	require.NoError(t, json.Unmarshal([]byte(errorOutput), &record), errorOutput)
	assert.Equal(t, "ERROR", record["level"])
	assert.Contains(t, record["error"], `prefix "a..b"`)
}
