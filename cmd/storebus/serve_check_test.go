// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// checkLine runs serve --check in a folder of its own. The run must leave that folder
// empty.
func checkLine(t *testing.T, arguments ...string) (status int, output, errorOutput string) {
	t.Helper()
	t.Chdir(t.TempDir())
	status, output, errorOutput = runProgram(append([]string{"serve", "--check", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"}, arguments...)...)
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Empty(t, left)
	return status, output, errorOutput
}

func TestServeCheck_Check_Good(t *testing.T) {
	status, output, errorOutput := checkLine(t)
	assert.Equal(t, exitDone, status, output)
	assert.Empty(t, errorOutput)
	assert.Contains(t, output, "ok  configuration  the settings fit together\n")
	assert.Contains(t, output, "ok  database       ./data/storebus.db is not there, and will be created\n")
	assert.NotContains(t, output, "fault")
}

func TestServeCheck_Check_Bad(t *testing.T) {
	status, output, errorOutput := checkLine(t, "--listen", "0.0.0.0:0", "--queue-limit", "-1", "--http-token-file", "none")
	assert.Equal(t, exitUsage, status)
	assert.Equal(t, "storebus: usage: 3 faults found\n", errorOutput)
	assert.Equal(t, 3, strings.Count(output, "fault  "), output)
	assert.Contains(t, output, "fault  configuration  QueueLimit -1")
	assert.Contains(t, output, "--insecure listens all the same\n")
	assert.NotContains(t, output, "--help")

	status, output, errorOutput = checkLine(t, "--archive-directory", filepath.Join(os.DevNull, "archive"))
	assert.Equal(t, exitFailed, status)
	assert.Equal(t, "storebus: a start would fail: 1 fault found\n", errorOutput)
	assert.Contains(t, output, "fault  folder         ")
}

func TestServeCheck_Check_Bad_Broker(t *testing.T) {
	t.Chdir(t.TempDir())
	status, output, errorOutput := runProgram("serve", "--check", "--nats", "nats://127.0.0.1:1", "--http", "")
	assert.Equal(t, exitUnavailable, status)
	assert.Equal(t, "storebus: the broker cannot be reached: 1 fault found\n", errorOutput)
	assert.Contains(t, output, "fault  broker         nats://127.0.0.1:1: the connection for requests: ")

	status, _, errorOutput = runProgram("serve", "--check", "--nats", "nats://127.0.0.1:1", "--http", "", "--archive-directory", filepath.Join(os.DevNull, "archive"))
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, errorOutput, "2 faults found")
}

func TestServeCheck_Check_Ugly_InUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	status, output, _ := checkLine(t, "--listen", listener.Addr().String())
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, output, "use it with --nats URL")
}

func TestServeCheck_Write_Good(t *testing.T) {
	findings := []storebus.Finding{{Part: "database", Text: "store.CheckDatabase: x.db: database is in use, and was not read"}}
	for _, write := range []func(io.Writer, []storebus.Finding) error{writeFindings, writeFindingsAsJSON} {
		var output bytes.Buffer
		require.NoError(t, write(&output, findings))
		assert.Contains(t, output.String(), "x.db: database is in use, and was not read")
		assert.NotContains(t, output.String(), "store.CheckDatabase")
	}
}

func TestServeCheck_Check_Ugly_InJSON(t *testing.T) {
	status, output, errorOutput := checkLine(t, "--log-format", "json", "--prefix", "a..b")
	assert.Equal(t, exitUsage, status)
	var faults int
	for line := range strings.Lines(output) {
		var finding struct{ Part, Text, Error string }
		require.NoError(t, json.Unmarshal([]byte(line), &finding), line)
		assert.NotEmpty(t, finding.Part)
		if finding.Error != "" {
			faults++
			assert.Contains(t, finding.Error, `prefix "a..b"`)
		}
	}
	assert.Equal(t, 1, faults)
	assert.True(t, json.Valid([]byte(errorOutput)), errorOutput)
}
