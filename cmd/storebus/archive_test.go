// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/client"
)

// dial connects to the broker that STOREBUS_NATS names.
func dial(t *testing.T) *nats.Conn {
	t.Helper()
	connection, err := nats.Connect(os.Getenv("STOREBUS_NATS"))
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

// commitPoint puts a point into the journal.
func commitPoint(t *testing.T, sidecar *storebus.Sidecar) {
	t.Helper()
	connection, err := nats.Connect(sidecar.NATSURL())
	require.NoError(t, err)
	defer connection.Close()
	store, err := client.New(connection, client.Config{})
	require.NoError(t, err)
	_, err = store.JournalCommit(t.Context(), "acme", "m", map[string]any{"a": 1.5}, client.JournalOptions{})
	require.NoError(t, err)
}

func writeArchive(t *testing.T, path, content string) (sum string) {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, err := writer.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.NoError(t, os.WriteFile(path, packed.Bytes(), 0o600))
	digest := sha256.Sum256(packed.Bytes())
	return hex.EncodeToString(digest[:])
}

const archivedLine = `{"entry_id":1,"committed_at":"2026-11-22T10:00:00Z","namespace":"","measurement":"m","fields":{"a":1},"tags":{}}` + "\n"

func TestArchive_Verify_Good(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b\n.jsonl.gz")
	sum := writeArchive(t, path, archivedLine)
	status, output, errorOutput := runProgram("archive", "verify", path)
	assert.Equal(t, exitDone, status, errorOutput)
	assert.Equal(t, fmt.Sprintf("%q\t1\t%s\n", path, sum), output)
	info, err := os.Stat(path)
	require.NoError(t, err)
	status, output, _ = runProgram("archive", "verify", path, "--json")
	assert.Equal(t, exitDone, status)
	assert.JSONEq(t, fmt.Sprintf(`{"file":%q,"entries":1,"sha256":%q,"bytes":%d,"first_committed_at":"2026-11-22T10:00:00Z","last_committed_at":"2026-11-22T10:00:00Z"}`,
		path, sum, info.Size()), output)
}

func TestArchive_Verify_Bad(t *testing.T) {
	folder := t.TempDir()
	whole, damaged := filepath.Join(folder, "a.jsonl.gz"), filepath.Join(folder, "b.jsonl.gz")
	writeArchive(t, whole, archivedLine)
	writeArchive(t, damaged, "x\n")
	status, output, errorOutput := runProgram("archive", "verify", damaged, whole, filepath.Join(folder, "away.jsonl.gz"))
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, output, whole+"\t1\t", "the others are looked at all the same")
	assert.NotContains(t, output, damaged)
	assert.Contains(t, errorOutput, damaged+": invalid archive: line 1: ")
	assert.Contains(t, errorOutput, "away.jsonl.gz: no such file or directory")
	status, _, errorOutput = runProgram("archive", "verify")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, errorOutput, "it takes FILE..., and was given []")
}
