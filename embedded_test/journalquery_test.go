// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// journalPoint commits a point of a namespace over the bus.
func (acme *tenant) journalPoint(t *testing.T, measurement, fields string) {
	t.Helper()
	decode[struct {
		EntryID     uint64 `json:"entry_id"`
		CommittedAt string `json:"committed_at"`
	}](t, acme.call(t, "journal_commit", `{"measurement":"`+measurement+`","fields":`+fields+`}`))
}

type journalReply struct {
	Rows []struct {
		Measurement string                     `json:"measurement"`
		Fields      map[string]json.RawMessage `json:"fields"`
		Tags        map[string]string          `json:"tags"`
		CommittedAt time.Time                  `json:"committed_at"`
		EntryID     uint64                     `json:"entry_id"`
	} `json:"rows"`
	Truncated bool `json:"truncated"`
}

// flux runs a query and returns its points.
func (acme *tenant) flux(t *testing.T, text string) journalReply {
	t.Helper()
	return decode[journalReply](t, acme.call(t, "journal_query", object(t, "flux", text)))
}

// A tenant sees only points of its own namespace, whatever the query says.
func TestJournalQuery_Tenant_Good(t *testing.T) {
	acme, other := newNamespace(t), newNamespace(t)
	acme.journalPoint(t, "deploy", `{"own":true}`)
	other.journalPoint(t, "deploy", `{"secret":"x"}`)
	for _, stages := range []string{
		``, ` |> filter(fn: (r) => true)`, ` |> filter(fn: (r) => r.namespace == "` + other.namespace + `" or true)`,
		` |> filter(fn: (r) => not (r.namespace == "` + other.namespace + `"))`, ` |> sort(columns: ["namespace"], desc: true) |> limit(n: 1)`,
	} {
		for _, bucket := range []string{"journal", other.namespace, "store/autogen", `\"; SELECT * FROM journal_entries; --`} {
			found := acme.flux(t, `from(bucket: "`+bucket+`") |> range(start: 1970-01-01)`+stages)
			require.Len(t, found.Rows, 1, stages)
			assert.JSONEq(t, `true`, string(found.Rows[0].Fields["own"]))
		}
	}
	assert.Empty(t, acme.flux(t, `from(bucket: "b") |> range(start: 1970-01-01) |> filter(fn: (r) => r.namespace == "`+other.namespace+`")`).Rows)
	assert.Empty(t, acme.flux(t, `from(bucket: "b") |> range(start: 1970-01-01) |> filter(fn: (r) => r.secret == "x")`).Rows)
	assert.Empty(t, newNamespace(t).flux(t, `from(bucket: "b") |> range(start: 1970-01-01)`).Rows)
}

// An acknowledged point is found by the next query, and after a restart.
func TestJournalQuery_Committed_Good(t *testing.T) {
	acme := newNamespace(t)
	for number := range 5 {
		acme.journalPoint(t, "m", fmt.Sprintf(`{"n":{"integer":"%d"}}`, number))
		found := acme.flux(t, `from(bucket: "b") |> range(start: -1m) |> sort(columns: ["_time"], desc: true)`)
		require.Len(t, found.Rows, number+1)
		assert.JSONEq(t, fmt.Sprintf(`{"integer":"%d"}`, number), string(found.Rows[0].Fields["n"]))
	}
	// Each page of a longer answer begins at the end of the page before.
	var numbers []string
	for start := "1970-01-01"; ; {
		found := decode[journalReply](t, acme.call(t, "journal_query", object(t, "flux", `from(bucket: "b") |> range(start: `+start+`)`, "limit", 2)))
		for _, row := range found.Rows {
			if next := row.CommittedAt.Format(time.RFC3339Nano); next != start {
				numbers, start = append(numbers, string(row.Fields["n"])), next
			}
		}
		if !found.Truncated {
			break
		}
	}
	assert.Equal(t, []string{`{"integer":"0"}`, `{"integer":"1"}`, `{"integer":"2"}`, `{"integer":"3"}`, `{"integer":"4"}`}, numbers)
}

func TestJournalQuery_Flux_Bad(t *testing.T) {
	acme := newNamespace(t)
	const begin = `from(bucket: "b") |> range(start: -1h)`
	for _, text := range []string{
		``, `SELECT * FROM entries`, ` with x as (select 1) select 1`, "// a comment\nEXPLAIN SELECT 1", `PRAGMA user_version`,
		begin + ` |> drop()`, begin + ` |> yield()`, begin + `; ` + begin, begin + begin, `import "experimental" ` + begin,
		begin + ` |> filter(fn: (r) => r.a =~ /x/)`, begin + ` |> filter(fn: (r) => r._measurement == 1)`, begin + ` |> filter(fn: (r) => "a\"b")`,
		`from(bucket: "b")`, `from(bucket: "b") |> filter(fn: (r) => true)`, `from() |> range(start: -1h)`,
		`from(bucket: "b") |> range(start: -999999999999d)`, `from(bucket: "b") |> range(start: time(v: "x"))`, `from(bucket: "b") |> range(start: -1h, stop: -2h)`,
		begin + ` |> filter(fn: (r) => ` + strings.Repeat("(", 10_000) + `)`, begin + strings.Repeat(" ", 64<<10),
	} {
		requireBadField(t, acme.call(t, "journal_query", object(t, "flux", text)), "flux")
	}
}

func TestJournalQuery_Bucket_Bad(t *testing.T) {
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) { config.Journal.Bucket = "metrics" }))
	acme := &tenant{connection: connect(t, sidecar.NATSURL()), namespace: "acme"}
	assert.Empty(t, acme.flux(t, `from(bucket: "metrics") |> range(start: -1h)`).Rows)
	requireBadField(t, acme.call(t, "journal_query", object(t, "flux", `from(bucket: "other") |> range(start: -1h)`)), "flux")
}

// asOneTable joins the fields of InfluxDB to whole points, in one table.
const asOneTable = ` |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value") |> group() |> sort(columns: ["_time"])`

// times returns the times of the rows that InfluxDB finds for a Flux query.
func (influx *influx) times(t *testing.T, flux string) (times []string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, influx.URL()+"/api/v2/query?org=o", strings.NewReader(flux))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/vnd.flux")
	request.Header.Set("Accept", "application/csv")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", flux, body)
	reader := csv.NewReader(bytes.NewReader(body))
	reader.FieldsPerRecord, reader.Comment = -1, '#'
	records, err := reader.ReadAll()
	require.NoError(t, err)
	times = []string{}
	for index, record := range records {
		column := slices.Index(records[0], "_time")
		require.GreaterOrEqual(t, column, 0, "%s: %s", flux, body)
		if index > 0 {
			times = append(times, record[column])
		}
	}
	return times
}

func rowTimes(reply subjects.JournalQueryReply) []string {
	times := []string{}
	for _, row := range reply.Rows {
		times = append(times, row.CommittedAt.Format(time.RFC3339Nano))
	}
	return times
}

// A query returns the same points in the same order as a real InfluxDB after their
// delivery.
func TestJournalQuery_InfluxDB_Good(t *testing.T) {
	t.Parallel()
	endpoint := startInflux(t)
	_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--journal-url", endpoint.URL(), "--journal-bucket", "b", "--journal-organisation", "o")
	store, err := client.New(connect(t, address), client.Config{})
	require.NoError(t, err)
	begin := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339Nano)
	// Each point has a boolean: this InfluxDB shows another point's boolean if one is
	// missing.
	for index, fields := range []map[string]any{
		{"seconds": 12.5, "tries": 3, "ok": true, "by": "Ada"}, {"seconds": 0.5, "tries": -3, "ok": false, "by": "ada"}, {"seconds": 100.0, "ok": true},
		{"ok": true, "tries": 7, "by": "été"},
		{"ok": false, "seconds": 12.5, "by": `"\`, "a b.c$": 1}, {"ok": true, "large": uint64(1) << 63, "tries": 1<<53 + 1}, {"ok": false, "large": uint64(5), "seconds": -0.1},
	} {
		for _, measurement := range []string{"deploy", "build"} {
			tags := map[string]string{"host": fmt.Sprint("h", index%3)}
			if index%2 == 0 {
				tags["zone"] = "east 1"
			}
			for _, namespace := range []string{"acme", "other"} {
				_, err := store.JournalCommit(t.Context(), namespace, measurement, fields, client.JournalOptions{Tags: tags})
				require.NoError(t, err)
			}
		}
	}
	flushed, err := store.Flush(t.Context())
	require.NoError(t, err)
	require.Zero(t, flushed.Pending, flushed.LastError)

	for _, stages := range []string{
		``,
		` |> filter(fn: (r) => r._measurement == "deploy")`,
		` |> filter(fn: (r) => r.host == "h1" and r.seconds > 0.0)`,
		` |> filter(fn: (r) => r.host == "h1" or r.seconds > 12)`,
		` |> filter(fn: (r) => not (r.host == "h1"))`,
		` |> filter(fn: (r) => r.seconds >= 12.5 and r.seconds <= 100)`,
		` |> filter(fn: (r) => r.seconds < 0)`,
		` |> filter(fn: (r) => r.seconds != 12.5)`,
		` |> filter(fn: (r) => not (r.seconds == 12.5))`,
		` |> filter(fn: (r) => r.tries == -3)`,
		` |> filter(fn: (r) => r.tries > 3.5)`,
		` |> filter(fn: (r) => r.tries == 9007199254740993)`,
		` |> filter(fn: (r) => r.large > uint(v: "9223372036854775807"))`,
		` |> filter(fn: (r) => r.large == 5)`,
		` |> filter(fn: (r) => r.ok)`,
		` |> filter(fn: (r) => r.ok == false or r.by == "Ada")`,
		` |> filter(fn: (r) => not r.ok)`,
		` |> filter(fn: (r) => exists r.zone and not exists r.by)`,
		` |> filter(fn: (r) => r.by > "B")`,
		` |> filter(fn: (r) => r.by == "\"\\" and r["a b.c$"] == 1)`,
		` |> filter(fn: (r) => r["zone"] == "east 1" and (r.tries > 1 or r.seconds > 1.0))`,
		` |> filter(fn: (r) => r.namespace == "acme")`,
		` |> filter(fn: (r) => r.missing == "x")`,
		` |> filter(fn: (r) => r.missing == "x" or r.host == "h0")`,
		` |> sort(columns: ["seconds", "_time"])`,
		` |> sort(columns: ["seconds", "_time"], desc: true)`,
		` |> sort(columns: ["by", "_measurement", "_time"]) |> limit(n: 5, offset: 2)`,
		` |> sort(columns: ["ok", "tries", "_time"], desc: true) |> limit(n: 9)`,
		` |> sort(columns: ["_time"], desc: true) |> limit(n: 3) |> filter(fn: (r) => r._measurement == "build")`,
		` |> limit(n: 6) |> filter(fn: (r) => r._measurement == "build") |> sort(columns: ["_time"], desc: true)`,
		` |> filter(fn: (r) => r._time > ` + begin + ` and r._time < 2200-01-01T00:00:00Z) // in time`,
	} {
		flux := `from(bucket: "b") |> range(start: ` + begin + `)` + stages
		reply, err := store.JournalQuery(t.Context(), "acme", flux, client.JournalQueryOptions{Limit: 1000})
		require.NoError(t, err, flux)
		second := `from(bucket: "b/autogen") |> range(start: ` + begin + `)` + asOneTable + ` |> filter(fn: (r) => r.namespace == "acme")` + stages
		assert.Equal(t, endpoint.times(t, second), rowTimes(reply), stages)
	}
}
