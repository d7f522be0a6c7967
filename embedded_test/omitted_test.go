// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refusingEndpoint is an endpoint of the journal that refuses every point of a namespace.
func refusingEndpoint(t *testing.T) (url string) {
	t.Helper()
	endpoint := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		unpacked, err := gzip.NewReader(request.Body)
		if !assert.NoError(t, err) {
			return
		}
		lines, err := io.ReadAll(unpacked)
		assert.NoError(t, err)
		if !bytes.Contains(lines, []byte("namespace=")) {
			answer.WriteHeader(http.StatusNoContent)
			return
		}
		answer.WriteHeader(http.StatusBadRequest)
		_, err = answer.Write([]byte(`{"code":"invalid","message":"no such field"}`))
		assert.NoError(t, err)
	}))
	t.Cleanup(endpoint.Close)
	return endpoint.URL
}

// largePoint is a body of journal_commit with more than the given number of bytes.
func largePoint(t *testing.T, bytes int) string {
	t.Helper()
	fields := map[string]any{}
	for index := range bytes/(60<<10) + 1 {
		fields[fmt.Sprint("f", index)] = strings.Repeat("<", 60<<10)
	}
	return object(t, "measurement", "large", "fields", fields, "tags", map[string]string{"host": "a1"})
}

// pagesOf reads all pages of a verb, and calls visit with each element.
func (tenant *tenant) pagesOf(t *testing.T, verb, list string, fields map[string]any, visit func(element json.RawMessage)) {
	t.Helper()
	for pages := 0; ; pages++ {
		require.Less(t, pages, 1000, "the pages end")
		body, err := json.Marshal(fields)
		require.NoError(t, err)
		page := decode[map[string]json.RawMessage](t, tenant.call(t, verb, string(body)))
		for _, element := range decodeBody[[]json.RawMessage](t, page[list]) {
			visit(element)
		}
		if page["next"] == nil {
			return
		}
		fields["after"] = decodeBody[string](t, page["next"])
	}
}

// keysOf reads a whole listing, and marks the keys whose value was left out.
func (tenant *tenant) keysOf(t *testing.T, verb string, fields map[string]any) (keys []string) {
	t.Helper()
	tenant.pagesOf(t, verb, "entries", fields, func(element json.RawMessage) {
		read := decodeBody[entry](t, element)
		if key := read.Key; read.ValueOmitted {
			assert.Nil(t, read.Value)
			assert.NotZero(t, read.Revision)
			keys = append(keys, key+" omitted")
		} else {
			require.NotNil(t, read.Value)
			assert.Equal(t, strings.Repeat(key, 20<<10), *read.Value)
			keys = append(keys, key)
		}
	})
	return keys
}

// If the broker cannot carry an element, its page still has a next: the later elements are
// read.
func TestOmitted_Pages_Ugly(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "storebus.db")
	large := startServer(t, &server.Options{})
	first := startServe(t, large.ClientURL(), database, "--journal-url", refusingEndpoint(t), "--journal-bucket", "b")
	acme := newTenant(t, large.ClientURL(), "acme")
	for _, key := range []string{"a", "c", "d", "f"} {
		acme.set(t, "g", key, strings.Repeat(key, 20<<10))
	}
	decode[setReply](t, acme.raw(t, "set", "g", "b", []byte(strings.Repeat("x", 900<<10))))
	decode[setReply](t, acme.raw(t, "set", "g", "e", []byte(strings.Repeat("\xff", 600<<10))))
	acme.openWorkspace(t, "w")
	for index := range 6 {
		acme.putEntry(t, "w", "row", fmt.Sprintf(`{"n":%d,"text":"%s"}`, index, strings.Repeat("<", 30<<10)))
		acme.call(t, "journal_commit", object(t, "measurement", "small", "fields", map[string]any{"n": index}))
		if index == 2 {
			decode[map[string]any](t, acme.call(t, "journal_commit", largePoint(t, 800<<10)))
		}
	}
	decode[map[string]any](t, acme.in("admin").call(t, "flush", ""))
	require.Zero(t, first.terminate(t))

	for _, payload := range []int32{128 << 10, 64 << 10} {
		t.Run(fmt.Sprintf("%dKiB", payload>>10), func(t *testing.T) {
			small := startServer(t, &server.Options{MaxPayload: payload})
			acme := newTenant(t, small.ClientURL(), "acme")
			sidecar := startServe(t, small.ClientURL(), database)
			defer func() { assert.Zero(t, sidecar.terminate(t)) }()
			ascending := []string{"a", "b omitted", "c", "d", "e omitted", "f"}
			descending := slices.Clone(ascending)
			slices.Reverse(descending)
			for _, limit := range []int{1, 2, 1000} {
				assert.Equal(t, ascending, acme.keysOf(t, "list", map[string]any{"group": "g", "limit": limit}))
				assert.Equal(t, descending, acme.keysOf(t, "list", map[string]any{"group": "g", "limit": limit, "descending": true}))
				assert.Equal(t, ascending, acme.keysOf(t, "scan", map[string]any{"limit": limit}))
			}
			t.Run("GetMany", func(t *testing.T) {
				for _, keys := range [][]string{{"b", "a"}, {"a", "b"}, {"e", "missing", "b"}} {
					names := make([]any, len(keys))
					for index, key := range keys {
						names[index] = named("g", key)
					}
					many := decode[getManyReply](t, acme.call(t, "get_many", object(t, "entries", names)))
					for index, found := range many.Entries {
						assert.Equal(t, keys[index] == "b" || keys[index] == "e", found.ValueOmitted, keys[index])
						assert.Equal(t, keys[index] == "a", found.Value != nil)
					}
				}
			})
			t.Run("Transaction", func(t *testing.T) {
				reply := decode[transactionReply](t, acme.call(t, "transaction",
					`{"then":[{"op":"get","group":"g","key":"b"},{"op":"get","group":"g","key":"a"},{"op":"set","group":"other","key":"k","value":"v"},{"op":"delete","group":"other","key":"k"}]}`))
				assert.True(t, decodeBody[lookup](t, reply.Results[0]).ValueOmitted)
				assert.NotNil(t, decodeBody[lookup](t, reply.Results[1]).Value)
			})
			t.Run("Get", func(t *testing.T) {
				for _, refused := range []answer{
					acme.call(t, "get", `{"group":"g","key":"b"}`), acme.raw(t, "get", "g", "b", nil), acme.raw(t, "get", "g", "b", nil, headerTTL, "1h"),
				} {
					failure := requireFailure(t, refused, 413, "too_large")
					assert.Equal(t, uint64(payload), *failure.Limit)
					assert.Contains(t, failure.Message, "g/b: ")
				}
				assert.Nil(t, acme.in("acme").keysOnly(t, "g", "b").ExpiresAt)
			})
			t.Run("Changes", func(t *testing.T) {
				assert.NotEmpty(t, acme.changes(t, "after", 0, "group", "g").Changes)
			})
			t.Run("Points", func(t *testing.T) {
				for _, order := range []string{"", ` |> sort(columns: ["_time"], desc: true)`} {
					query := object(t, "flux", `from(bucket: "b") |> range(start: -1h)`+order)
					found := decode[pointsReply](t, acme.call(t, "journal_query", query))
					assert.False(t, found.Truncated)
					requirePoints(t, found.Rows)
				}
				var rejected []point
				acme.pagesOf(t, "journal_rejected", "entries", map[string]any{"limit": 2}, func(element json.RawMessage) {
					rejected = append(rejected, decodeBody[point](t, element))
				})
				requirePoints(t, rejected)
				assert.Contains(t, rejected[3].Reason, "no such field")
			})
			t.Run("Rows", func(t *testing.T) {
				rows := decode[queryReply](t, acme.queryWorkspace(t, "w", "SELECT id, data FROM entries"))
				assert.True(t, rows.Truncated, "as many as fit")
				assert.NotEmpty(t, rows.Rows)
				assert.Less(t, len(rows.Rows), 6)
				rest := decode[queryReply](t, acme.queryWorkspace(t, "w", fmt.Sprintf("SELECT id FROM entries WHERE id > %v", rows.Rows[len(rows.Rows)-1][0])))
				assert.Len(t, rest.Rows, 6-len(rows.Rows))
				failure := requireFailure(t, acme.queryWorkspace(t, "w", "SELECT group_concat(data) FROM entries"), 413, "too_large")
				assert.Contains(t, failure.Message, "the first row takes")
			})
			t.Run("AtAShell", func(t *testing.T) {
				ended := run(t, "", "scan", "--nats", small.ClientURL(), "acme")
				require.Zero(t, ended.code, ended.stderr)
				lines := strings.Split(strings.TrimSpace(ended.stdout), "\n")
				require.Len(t, lines, 6)
				assert.Equal(t, "g\tb\t\tvalue omitted", lines[1])
				assert.Equal(t, "g\te\t\tvalue omitted", lines[4])
			})
		})
	}
}

// point is a point in a reply of journal_query or journal_rejected.
type point struct {
	EntryID      uint64          `json:"entry_id"`
	Measurement  string          `json:"measurement"`
	Fields       json.RawMessage `json:"fields"`
	Tags         json.RawMessage `json:"tags"`
	CommittedAt  time.Time       `json:"committed_at"`
	RejectedAt   *time.Time      `json:"rejected_at"`
	Status       int             `json:"status"`
	Reason       string          `json:"reason"`
	ValueOmitted bool            `json:"value_omitted"`
}

type pointsReply struct {
	Rows      []point `json:"rows"`
	Truncated bool    `json:"truncated"`
}

// requirePoints asserts that there are six small points, and a large one without its
// content.
func requirePoints(t *testing.T, points []point) {
	t.Helper()
	require.Len(t, points, 7)
	for _, point := range points {
		assert.Equal(t, point.Measurement == "large", point.ValueOmitted)
		assert.Equal(t, point.ValueOmitted, point.Fields == nil)
		assert.Equal(t, point.ValueOmitted, point.Tags == nil)
	}
}

// keysOnly returns a key's entry from a listing without values.
func (tenant *tenant) keysOnly(t *testing.T, group, key string) entry {
	t.Helper()
	page := decode[listReply](t, tenant.call(t, "list", object(t, "group", group, "prefix", key, "keys_only", true)))
	require.Len(t, page.Entries, 1)
	return page.Entries[0]
}

// If a new broker carries less than the old one, events go on. An event that is too large
// is published without its value.
func TestOmitted_Event_Ugly(t *testing.T) {
	database := filepath.Join(t.TempDir(), "storebus.db")
	// The first broker accepts no event, so the second must carry them all.
	large := startServer(t, &server.Options{Users: []*server.User{
		{Username: "sidecar", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"store.events.>"}}}},
		{Username: "client", Password: "p"},
	}})
	first := startServe(t, "nats://sidecar:p@"+large.Addr().String(), database)
	writer := &tenant{connection: connect(t, large.ClientURL(), nats.UserInfo("client", "p")), namespace: "acme"}
	decode[setReply](t, writer.raw(t, "set", "g", "large", []byte(strings.Repeat("x", 500<<10))))
	writer.set(t, "g", "small", "v")
	first.kill(t)

	small := startServer(t, &server.Options{MaxPayload: 128 << 10})
	acme := newTenant(t, small.ClientURL(), "acme")
	events := &feed{Subscription: subscribe(t, acme.connection, "store.events.acme.>")} // no sidecar runs yet
	startServe(t, small.ClientURL(), database)
	announced := events.next(t)
	omitted := decodeBody[event](t, announced.Data)
	assert.Equal(t, uint64(1), omitted.Revision)
	assert.True(t, omitted.ValueOmitted)
	assert.Nil(t, omitted.Value)
	assert.Equal(t, "large", *omitted.Key)
	assert.True(t, *omitted.Created)
	whole := nextEvent(t, events)
	assert.Equal(t, "v", *whole.Value, "it never stops the rest")
	assert.False(t, whole.ValueOmitted)

	page := acme.changes(t, "after", 0)
	require.Len(t, page.Changes, 2)
	assert.Equal(t, string(announced.Data), string(page.Changes[0]), "each exactly as its event")
}
