// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/client"
)

// compactReply is the reply of a compact.
type compactReply struct {
	Archive *string `json:"archive"`
	Entries int     `json:"entries"`
	SHA256  string  `json:"sha256"`
}

// archivedPoint is a line of an archive.
type archivedPoint struct {
	EntryID     uint64            `json:"entry_id"`
	CommittedAt string            `json:"committed_at"`
	Namespace   string            `json:"namespace"`
	Measurement string            `json:"measurement"`
	Fields      json.RawMessage   `json:"fields"`
	Tags        map[string]string `json:"tags"`
}

// archivedPoints reads an archive in gzip.
func archivedPoints(t *testing.T, path string) (points []archivedPoint) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	require.NoError(t, err)
	content, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	for line := range bytes.Lines(content) {
		points = append(points, decodeBody[archivedPoint](t, line))
	}
	return points
}

func now() string { return time.Now().Format(time.RFC3339Nano) }

// flush delivers the journal, and returns the number of points still pending.
func (tenant *tenant) flush(t *testing.T) int {
	t.Helper()
	return decode[struct {
		Delivered int    `json:"delivered"`
		Pending   int    `json:"pending"`
		LastError string `json:"last_error"`
	}](t, tenant.in("admin").call(t, "flush", "")).Pending
}

func TestCompact_Compact_Good(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "archive")
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) { config.ArchiveDirectory = folder }))
	information, err := os.Stat(folder)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), information.Mode().Perm())
	acme := newTenant(t, sidecar.NATSURL(), "acme")
	empty := acme.in("admin").call(t, "compact", object(t, "before", now()))
	assert.JSONEq(t, `{"archive":null,"entries":0}`, string(empty.Data))
	const fields = `{"ok":true,"by":"Ada \"<é>\"","seconds":12.5,"tries":{"integer":"-9223372036854775808"},"size":{"unsigned":"18446744073709551615"}}`
	type committed struct {
		EntryID     uint64 `json:"entry_id"`
		CommittedAt string `json:"committed_at"`
	}
	first := decode[committed](t, acme.call(t, "journal_commit", `{"measurement":"deploy","fields":`+fields+`,"tags":{"host":"a1"}}`))
	second := decode[committed](t, acme.in("other").call(t, "journal_commit", `{"measurement":"m","fields":{"a":1}}`))
	revision := acme.revision(t)
	reply := decode[compactReply](t, acme.in("admin").call(t, "compact", object(t, "before", now())))
	require.NotNil(t, reply.Archive)
	path := filepath.Join(folder, *reply.Archive)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	sum := sha256.Sum256(content)
	assert.Equal(t, compactReply{Archive: reply.Archive, Entries: 2, SHA256: hex.EncodeToString(sum[:])}, reply)
	points := archivedPoints(t, path)
	require.Len(t, points, 2)
	assert.JSONEq(t, fields, string(points[0].Fields))
	points[0].Fields, points[1].Fields = nil, nil
	assert.Equal(t, []archivedPoint{
		{EntryID: first.EntryID, CommittedAt: first.CommittedAt, Namespace: "acme", Measurement: "deploy", Tags: map[string]string{"host": "a1"}},
		{EntryID: second.EntryID, CommittedAt: second.CommittedAt, Namespace: "other", Measurement: "m", Tags: map[string]string{}},
	}, points)
	assert.Equal(t, revision, acme.revision(t), "it is no change")

	t.Run("TheProgramFindsItWhole", func(t *testing.T) {
		verified := run(t, "", "archive", "verify", path)
		assert.Equal(t, result{stdout: path + "\t2\t" + reply.SHA256 + "\n"}, verified)
		damaged := filepath.Join(t.TempDir(), "damaged.jsonl.gz")
		require.NoError(t, os.WriteFile(damaged, content[:len(content)-1], 0o600))
		verified = run(t, "", "archive", "verify", damaged)
		assert.Equal(t, 1, verified.code)
		assert.Contains(t, verified.stderr, "unexpected EOF")
		assert.Equal(t, 2, run(t, "", "archive", "verify").code)
	})
	t.Run("ALineGoesBackAsItWas", func(t *testing.T) {
		again := decode[committed](t, acme.call(t, "journal_commit", `{"measurement":"deploy","fields":`+string(archivedPoints(t, path)[0].Fields)+`,"tags":{"host":"a1"}}`))
		assert.Equal(t, second.EntryID+1, again.EntryID)
		output := run(t, "", "compact", "--before", now(), "--force", "--nats", sidecar.NATSURL())
		require.Zero(t, output.code, output.stderr)
		name, _, _ := strings.Cut(output.stdout, "\t")
		assert.JSONEq(t, fields, string(archivedPoints(t, filepath.Join(folder, name))[0].Fields))
	})
}

func TestCompact_Compact_Bad(t *testing.T) {
	admin := newNamespace(t).in("admin")
	for body, field := range map[string]string{
		`{}`: "before", `{"before":null}`: "before", `{"before":""}`: "before", `{"before":"2026-11-22"}`: "before", `{"before":0}`: "before",
		`{"before":"0001-01-01T00:00:00Z"}`: "before", object(t, "before", time.Now().Add(time.Hour).Format(time.RFC3339)): "before",
		`{"before":"2020-01-01T00:00:00Z","format":"lz4"}`: "format", `{"before":"2020-01-01T00:00:00Z","output":"/tmp"}`: "output",
	} {
		requireBadField(t, admin.call(t, "compact", body), field)
	}
	without := newTenant(t, startSidecar(t).NATSURL(), "admin")
	requireFailure(t, without.call(t, "compact", `{"before":"2020-01-01T00:00:00Z"}`), 503, "unavailable")
}

// No compaction takes pending or rejected points, whatever the request says.
func TestCompact_Endpoint_Good(t *testing.T) {
	away := make(chan struct{})
	endpoint := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		unpacked, err := gzip.NewReader(request.Body)
		if !assert.NoError(t, err) {
			return
		}
		lines, err := io.ReadAll(unpacked)
		assert.NoError(t, err)
		switch {
		case bytes.Contains(lines, []byte("later")):
			select {
			case <-away:
			default:
				answer.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		case bytes.Contains(lines, []byte("refused")):
			answer.WriteHeader(http.StatusBadRequest)
			return
		}
		answer.WriteHeader(http.StatusNoContent)
	}))
	defer endpoint.Close()
	folder := t.TempDir()
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) {
		config.ArchiveDirectory = folder
		config.Journal = storebus.JournalConfig{URL: endpoint.URL, Organisation: "o", Bucket: "b"}
	}))
	acme := newTenant(t, sidecar.NATSURL(), "acme")
	commit := func(measurement string) {
		require.Empty(t, acme.call(t, "journal_commit", `{"measurement":"`+measurement+`","fields":{"a":1}}`).Header)
	}
	commit("first")
	commit("refused")
	commit("second")
	assert.Zero(t, acme.flush(t))
	commit("later")
	reply := decode[compactReply](t, acme.in("admin").call(t, "compact", object(t, "before", now())))
	require.Equal(t, 2, reply.Entries)
	points := archivedPoints(t, filepath.Join(folder, *reply.Archive))
	assert.Equal(t, []string{"first", "second"}, []string{points[0].Measurement, points[1].Measurement})
	assert.Equal(t, 1, acme.flush(t))
	assert.Contains(t, string(acme.call(t, "journal_rejected", "").Data), `"measurement":"refused"`)
	close(away)
	assert.Zero(t, acme.flush(t))
	reply = decode[compactReply](t, acme.in("admin").call(t, "compact", object(t, "before", now())))
	require.Equal(t, 1, reply.Entries)
	assert.Equal(t, "later", archivedPoints(t, filepath.Join(folder, *reply.Archive))[0].Measurement)
}

// A sidecar is killed while it compacts, again and again. In the end each acknowledged
// point is once in one archive. No point was lost, and none stayed in the journal as well.
func TestCompact_Kill_Ugly(t *testing.T) {
	t.Parallel()
	const kills, pointsPerRun = 8, 3000
	random := seeded(t)
	outside := startBroker(t, "127.0.0.1:0")
	database, folder := filepath.Join(t.TempDir(), "storebus.db"), t.TempDir()
	connection := connect(t, outside.URL())
	store, err := client.New(connection, client.Config{Timeout: time.Minute, Patience: time.Minute})
	require.NoError(t, err)
	text, committed := strings.Repeat("some text ", 200), 0
	for range kills {
		sidecar := startServe(t, outside.URL(), database, "--archive-directory", folder)
		errs := make(chan error, pointsPerRun)
		for worker := range 50 {
			go func() {
				for number := worker; number < pointsPerRun; number += 50 {
					_, err := store.JournalCommit(t.Context(), "acme", "m", map[string]any{"number": number, "text": text}, client.JournalOptions{})
					errs <- err
				}
			}()
		}
		for range pointsPerRun {
			require.NoError(t, <-errs)
		}
		committed += pointsPerRun
		inbox := connection.NewRespInbox()
		require.NoError(t, connection.PublishRequest("store.admin.compact", inbox, []byte(object(t, "before", now()))))
		require.NoError(t, connection.Flush())
		<-time.After(time.Duration(random.IntN(500)) * time.Millisecond)
		sidecar.kill(t)
	}
	sidecar := startServe(t, outside.URL(), database, "--archive-directory", folder)
	seen := map[uint64]bool{}
	check := func() (archives int) {
		clear(seen)
		files, err := os.ReadDir(folder)
		require.NoError(t, err)
		for _, file := range files {
			verified := run(t, "", "archive", "verify", filepath.Join(folder, file.Name()))
			require.Zero(t, verified.code, verified.stderr)
			for _, point := range archivedPoints(t, filepath.Join(folder, file.Name())) {
				require.False(t, seen[point.EntryID], "point %d is archived twice", point.EntryID)
				seen[point.EntryID] = true
			}
		}
		return len(files)
	}
	survived := check()
	reply, err := store.Compact(t.Context(), time.Now(), client.CompactOptions{})
	require.NoError(t, err)
	t.Logf("%d archives were finished before a kill, %d points were left", survived, reply.Entries)
	check()
	for id := range committed {
		require.True(t, seen[uint64(id+1)], "point %d", id+1)
	}
	assert.Zero(t, sidecar.terminate(t))
}
