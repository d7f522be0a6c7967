// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"database/sql"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// lastHour is a query of stages over the last hour.
func lastHour(stages string) string { return `from(bucket: "journal") |> range(start: -1h)` + stages }

// wherever is lastHour with one filter.
func wherever(predicate string) string { return lastHour(` |> filter(fn: (r) => ` + predicate + `)`) }

// commitPoint commits an entry and returns its id.
func commitPoint(t testing.TB, opened *store.Store, namespace, measurement string, fields map[string]any, tags map[string]string) int64 {
	t.Helper()
	command, err := store.NewJournalCommand(namespace, measurement, fields, tags)
	require.NoError(t, err)
	outcome, err := submit(opened, command)
	require.NoError(t, err)
	return outcome.EntryID
}

func entryIDs(entries []store.JournalEntry) []int64 {
	ids := []int64{}
	for index := range entries {
		ids = append(ids, entries[index].EntryID)
	}
	return ids
}

// found are the ids of the entries that a namespace gets for a query; "" is the store.
func found(t testing.TB, opened *store.Store, namespace, flux string) []int64 {
	t.Helper()
	rows, err := opened.QueryJournalRows(store.JournalQuery{Namespace: namespace, Flux: flux})
	require.NoError(t, err, flux)
	return entryIDs(rows.Entries)
}

func TestJournalQuery_Filter_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	commitPoint(t, opened, "acme", "deploy", map[string]any{"seconds": 12.5, "ok": true, "by": "Ada"}, map[string]string{"host": "a1"})
	commitPoint(t, opened, "acme", "deploy", map[string]any{"seconds": int64(13), "ok": false, "by": "ada"}, map[string]string{"host": "b1"})
	commitPoint(t, opened, "acme", "build", map[string]any{"seconds": uint64(math.MaxUint64), "exact": int64(1<<53 + 1)}, nil)
	commitPoint(t, opened, "acme", "build", map[string]any{`a.b"$[0]`: "x", "$": 1.0, "a": map[bool]any{true: "text"}[true]}, map[string]string{`t."`: "y", `☂`: "z"})
	commitPoint(t, opened, "acme", "large", map[string]any{"n": 1e308, "least": int64(math.MinInt64), "tenth": 0.1}, nil)
	for predicate, ids := range map[string][]int64{
		`r._measurement == "deploy"`:                              {1, 2},
		`r._measurement != "deploy"`:                              {3, 4, 5},
		`r._measurement == "deploy" and r.host == "a1"`:           {1},
		`r._measurement == "deploy" or r._measurement == "large"`: {1, 2, 5},
		`r.seconds > 12`:                                          {1, 2, 3},
		`r.seconds == 13.0`:                                       {2},
		`r.seconds == uint(v: "18446744073709551615")`:            {3},
		`r.seconds > uint(v: "18446744073709551614")`:             {3},
		`r.exact == 9007199254740993`:                             {3},
		`r.exact == 9007199254740992`:                             {},
		`r.exact > 9007199254740992.0`:                            {3},
		`r.least == -9223372036854775808`:                         {5},
		`r.tenth == 0.1`:                                          {5},
		`r.n > 1` + strings.Repeat("0", 307) + `.0`:               {5},
		`r.ok`:          {1},
		`not r.ok`:      {2},
		`r.by == "Ada"`: {1},
		`r.by >= "a"`:   {2},
		`r["a.b\"$[0]"] == "x" and r["t.\""] == "y" and r["☂"] == "z"`: {4},
		`r["$"] == 1`:            {4},
		`exists r.host`:          {1, 2},
		`not exists r.host`:      {3, 4, 5},
		`exists r["a.b"]`:        {},
		`r.a != 1`:               {}, // its type does not fit
		`r.missing != "x"`:       {},
		`not (r.missing == "x")`: {},
		`r.namespace == "acme"`:  {1, 2, 3, 4, 5},
		`true`:                   {1, 2, 3, 4, 5},
		`r.host == "a1' or 1=1 --" or r["x'); DROP TABLE entries"] == "y"`: {},
	} {
		assert.Equal(t, ids, found(t, opened, "acme", wherever(predicate)), predicate)
	}
	t.Run("GivesEntriesAsTheyWereCommitted", func(t *testing.T) {
		entries, err := opened.QueryJournal(wherever(`r._measurement == "build"`))
		require.NoError(t, err)
		require.Len(t, entries, 2)
		assert.WithinDuration(t, time.Now(), entries[0].CommittedAt, time.Hour)
		entries[0].CommittedAt = time.Time{}
		assert.Equal(t, store.JournalEntry{
			EntryID: 3, Namespace: "acme", Measurement: "build", Tags: map[string]string{},
			Fields: map[string]any{"seconds": uint64(math.MaxUint64), "exact": int64(1<<53 + 1)},
		}, entries[0])
		assert.Equal(t, map[string]string{`t."`: "y", `☂`: "z"}, entries[1].Tags)
	})
	assert.Equal(t, []int64{1, 3}, found(t, opened, "acme",
		lastHour(` |> filter(fn: (r) => r.seconds > 1) |> sort(columns: ["by"], desc: true) |> filter(fn: (r) => not (r.by == "ada") or not exists r.by) |> sort(columns: ["_time"])`)))
}

func TestJournalQuery_Range_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	start := clock.Now()
	for range 5 {
		commitPoint(t, opened, "acme", "m", map[string]any{"a": 1}, nil)
		clock.Advance(time.Minute)
	}
	at := func(minutes int) string {
		return start.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339Nano)
	}
	for arguments, ids := range map[string][]int64{
		`start: ` + at(1) + `, stop: ` + at(3): {2, 3}, // the first, and not the last
		`start: ` + at(1):                      {2, 3, 4, 5},
		`start: -2m`:                           {4, 5},
		`start: -1m59s999ms`:                   {5},
		`start: -1h, stop: -4m`:                {1},
		`start: -3m, stop: now()`:              {3, 4, 5},
		`start: 1h, stop: 2h`:                  {},
		`start: 1970-01-01, stop: ` + start.AddDate(0, 0, 1).Format("2006-01-02"): {1, 2, 3, 4, 5},
	} {
		assert.Equal(t, ids, found(t, opened, "acme", `from(bucket: "b") |> range(`+arguments+`)`), arguments)
	}
	t.Run("ReachesWhatIsCommittedWhenTheClockHasGoneBack", func(t *testing.T) {
		clock.Advance(-24 * time.Hour)
		id := commitPoint(t, opened, "acme", "m", map[string]any{"a": 1}, nil)
		assert.Equal(t, []int64{5, id}, found(t, opened, "acme", `from(bucket: "b") |> range(start: -2m)`))
	})
}

func TestJournalQuery_Sort_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	for _, value := range []any{2.5, "b", nil, int64(-1), true, uint64(1 << 63), "a", false, int64(2), nil, 2.5} {
		fields := map[string]any{"x": 1}
		if value != nil {
			fields["v"] = value
		}
		commitPoint(t, opened, "acme", "m", fields, nil)
	}
	for stages, ids := range map[string][]int64{
		``:                                     {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
		` |> sort(columns: ["v"])`:             {3, 10, 8, 5, 4, 9, 1, 11, 6, 7, 2},
		` |> sort(columns: ["v"], desc: true)`: {3, 10, 2, 7, 6, 1, 11, 9, 4, 5, 8},
		` |> sort(columns: ["v", "_time"], desc: true)`:                                 {10, 3, 2, 7, 6, 11, 1, 9, 4, 5, 8},
		` |> sort(columns: ["x", "_time"], desc: true) |> limit(n: 2)`:                  {11, 10},
		` |> sort(columns: ["_time"], desc: true)`:                                      {11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1},
		` |> sort(columns: ["_time"], desc: true) |> limit(n: 2, offset: 1)`:            {10, 9},
		` |> limit(n: 3) |> sort(columns: ["_time"], desc: true)`:                       {3, 2, 1},
		` |> limit(n: 2, offset: 9)`:                                                    {10, 11},
		` |> limit(n: 5, offset: 11)`:                                                   {},
		` |> limit(n: 0) |> sort(columns: ["v"])`:                                       {},
		` |> sort(columns: ["v"]) |> limit(n: 0)`:                                       {},
		` |> sort(columns: ["v"]) |> filter(fn: (r) => true) |> limit(n: 0)`:            {},
		` |> limit(n: 9223372036854775807, offset: 8)`:                                  {9, 10, 11},
		` |> sort(columns: ["v"]) |> limit(n: 9223372036854775807, offset: 9)`:          {7, 2},
		` |> sort(columns: ["v"]) |> limit(n: 2, offset: 1)`:                            {10, 8},
		` |> sort(columns: ["v"]) |> filter(fn: (r) => exists r.v) |> limit(n: 2)`:      {8, 5},
		` |> limit(n: 2) |> filter(fn: (r) => r.v == "a")`:                              {},
		` |> filter(fn: (r) => r.v == "a") |> limit(n: 2)`:                              {7},
		` |> sort(columns: ["v"]) |> sort(columns: ["x"]) |> limit(n: 3)`:               {3, 10, 8},
		` |> sort(columns: ["_time"], desc: true) |> sort(columns: ["x"])`:              {11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1},
		` |> sort(columns: ["missing"]) |> sort(columns: ["_measurement"], desc: true)`: {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
	} {
		assert.Equal(t, ids, found(t, opened, "acme", lastHour(stages)), stages)
	}
}

func TestJournalQuery_Namespace_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	for _, namespace := range []string{"acme", "other", "", "acme"} {
		commitPoint(t, opened, namespace, "m", map[string]any{"a": 1}, map[string]string{"tenant": "other"})
	}
	acme := newScoped(t, opened, "acme")
	for _, predicate := range []string{`true`, `r.namespace == "acme"`, `r.tenant == "other"`, `r.namespace != "other" or true`, `not (r.namespace == "other")`} {
		entries, err := acme.QueryJournal(wherever(predicate))
		require.NoError(t, err)
		assert.Equal(t, []int64{1, 4}, entryIDs(entries), predicate)
	}
	for _, predicate := range []string{`r.namespace == "other"`, `not exists r.namespace`} {
		entries, err := acme.QueryJournal(wherever(predicate))
		require.NoError(t, err)
		assert.Empty(t, entries, predicate)
	}
	rows, err := acme.QueryJournalRows(store.JournalQuery{Namespace: "other", Flux: lastHour(``), Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, []int64{1}, entryIDs(rows.Entries), "it is the namespace's")
	assert.True(t, rows.Truncated)

	assert.Equal(t, []int64{1, 2, 3, 4}, found(t, opened, "", lastHour(``)))
	assert.Equal(t, []int64{2}, found(t, opened, "", wherever(`r.namespace == "other"`)))
	assert.Equal(t, []int64{3}, found(t, opened, "", wherever(`not exists r.namespace`)))
	assert.Empty(t, found(t, opened, "nobody", lastHour(``)))
}

func TestJournalQuery_Limit_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	journalled(t, opened, "acme", 1, 2, 3, 4, 5)
	for _, sorted := range []string{``, ` |> sort(columns: ["number"])`} {
		for limit, truncated := range map[int]bool{0: false, 1: true, 4: true, 5: false, 6: false} {
			rows, err := opened.QueryJournalRows(store.JournalQuery{Namespace: "acme", Flux: lastHour(sorted), Limit: limit})
			require.NoError(t, err)
			assert.Equal(t, truncated, rows.Truncated, "%d", limit)
			if limit > 0 {
				assert.Len(t, rows.Entries, min(limit, 5))
			}
		}
		rows, err := opened.QueryJournalRows(store.JournalQuery{Namespace: "acme", Flux: lastHour(sorted + ` |> limit(n: 2)`), Limit: 2})
		require.NoError(t, err)
		assert.Len(t, rows.Entries, 2)
		assert.False(t, rows.Truncated, "the query itself asks for no more")
		rows, err = opened.QueryJournalRows(store.JournalQuery{Namespace: "acme", Flux: lastHour(sorted), Fits: func(entry *store.JournalEntry) bool { return entry.EntryID < 3 }})
		require.NoError(t, err)
		assert.Equal(t, []int64{1, 2}, entryIDs(rows.Entries))
		assert.True(t, rows.Truncated)
	}
}

func TestJournalQuery_Original_Good(t *testing.T) {
	path := originalDatabase(t, originalEntries+originalJournal)
	execute(t, path, `INSERT INTO journal_entries (entry_id, bucket_name, measurement, fields_json, tags_json, committed_at, archived_at) VALUES
		(7, 'other', 'cpu', '{"text":"x","nothing":null,"list":[1],"both":1,"namespace":"of its own"}', '{"host":"a1","both":"tag"}', 1700000000000, NULL),
		(8, 'store', 'cpu', '{"a":2}', '{}', 1700000000000, 1700000000001), (9, 'store', 'cpu', 'none', 'none', 1700000000000, NULL)`)
	opened := openStore(t, store.StoreConfig{DatabasePath: path})
	ever := func(predicate string) string {
		return `from(bucket: "any") |> range(start: 2000-01-01) |> filter(fn: (r) => ` + predicate + `)`
	}
	for predicate, ids := range map[string][]int64{
		`true`:     {1, 7, 9}, // what was archived is not there
		`r.a == 1`: {1},
		`r.list == "[1]" and not exists r.nothing`: {7},
		`r.both == "tag"`:                          {7},
		`r.namespace == "of its own"`:              {7},
	} {
		assert.Equal(t, ids, found(t, opened, "", ever(predicate)), predicate)
	}
	assert.Empty(t, found(t, opened, "acme", ever(`true`)))
}

func TestJournalQuery_Bucket_Bad(t *testing.T) {
	config := store.StoreConfig{DatabasePath: store.MemoryDatabase, Journal: store.JournalConfiguration{BucketName: "journal"}}
	opened := openStore(t, config)
	journalled(t, opened, "acme", 1)
	assert.Equal(t, []int64{1}, found(t, opened, "acme", lastHour(``)))
	_, err := opened.QueryJournal("from(\n  bucket: \"other\") |> range(start: -1h)")
	require.ErrorIs(t, err, store.ErrInvalidFlux)
	assert.EqualError(t, err, `store.QueryJournal: invalid Flux at 2:11: the bucket is "journal", not "other"`)
}

func TestJournalQuery_Flux_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	for text, message := range map[string]string{
		``:                                     `invalid Flux at 1:1: the end of the query comes where "from" is expected`,
		`SELECT * FROM entries`:                `invalid Flux at 1:1: "SELECT" comes where "from" is expected`,
		"// x\n with x AS (SELECT 1) SELECT 1": `invalid Flux at 2:2: "with" comes where "from" is expected`,
		`PRAGMA user_version`:                  `invalid Flux at 1:1: "PRAGMA" comes where "from" is expected`,
		lastHour(` |> drop()`):                 `invalid Flux at 1:49: there is no function "drop" here, only filter, sort or limit, behind from and one range`,
		`from(bucket: "b") |> range(start: 2027-01-01, stop: 2026-01-01)`: `invalid Flux at 1:53: the range ends at 2026-01-01T00:00:00Z, which is not behind its start 2027-01-01T00:00:00Z`,
	} {
		_, err := opened.QueryJournal(text)
		require.ErrorIs(t, err, store.ErrInvalidFlux, text)
		assert.EqualError(t, err, "store.QueryJournal: "+message)
		var failure *store.FluxError
		require.ErrorAs(t, err, &failure)
		assert.Positive(t, failure.Line)
	}
	_, err := opened.QueryJournalRows(store.JournalQuery{Flux: lastHour(``), Limit: -1})
	assert.EqualError(t, err, "store.QueryJournalRows: limit -1 may not be negative")
	_, err = opened.QueryJournal(lastHour(``) + strings.Repeat(" ", store.MaxFluxBytes))
	assert.ErrorIs(t, err, store.ErrTooLarge)
	_, err = opened.QueryJournal(lastHour(``) + strings.Repeat(" ", store.MaxFluxBytes-len(lastHour(``))))
	assert.NoError(t, err)
}

func TestJournalQuery_Bytes_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	for number := range 100 {
		commitPoint(t, opened, "acme", "m", map[string]any{"number": 100 - number, "text": strings.Repeat("x", 1000)}, nil)
	}
	store.BoundJournalQueries(opened, store.MaxJournalQueryTime, 20_000)
	for stages, what := range map[string]string{
		``:                              "result of the query",
		` |> sort(columns: ["number"])`: "what the query has to sort",
		` |> sort(columns: ["text"])`:   "what the query has to sort",
		` |> sort(columns: ["number"]) |> filter(fn: (r) => r.number == 1)`: "what the query has to sort",
	} {
		_, err := opened.QueryJournal(lastHour(stages))
		var large *store.TooLargeError
		require.ErrorAs(t, err, &large, stages)
		assert.Equal(t, what, large.What)
		assert.Equal(t, 20_000, large.Limit)
	}
	for _, stages := range []string{
		` |> limit(n: 10)`, ` |> sort(columns: ["number"]) |> limit(n: 10)`, ` |> sort(columns: ["text", "number"]) |> limit(n: 5, offset: 2)`,
		` |> filter(fn: (r) => r.number < 10)`, ` |> sort(columns: ["_time"], desc: true) |> limit(n: 10)`,
	} {
		assert.NotEmpty(t, found(t, opened, "acme", lastHour(stages)), "only as much is held as is wanted")
	}
	rows, err := opened.QueryJournalRows(store.JournalQuery{Flux: lastHour(` |> sort(columns: ["number"])`), Limit: 10})
	require.NoError(t, err)
	assert.Equal(t, []int64{100, 99, 98, 97, 96, 95, 94, 93, 92, 91}, entryIDs(rows.Entries))
}

func TestJournalQuery_Time_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	journalled(t, opened, "acme", 1, 2, 3)
	store.BoundJournalQueries(opened, -1, store.MaxJournalQueryBytes)
	for _, stages := range []string{``, ` |> filter(fn: (r) => false)`, ` |> sort(columns: ["number"])`} {
		_, err := opened.QueryJournal(lastHour(stages))
		require.ErrorIs(t, err, store.ErrDeadlineExceeded)
	}
	_, err := opened.QueryJournal(`from(bucket: "b") |> range(start: 1h, stop: 2h)`)
	assert.ErrorIs(t, err, store.ErrDeadlineExceeded, "nothing is read")
}

// A query reads no further than it has to.
func TestJournalQuery_Enough_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	var commands []store.Command
	for number := range 1500 {
		command, err := store.NewJournalCommand("acme", "m", map[string]any{"number": number}, nil)
		require.NoError(t, err)
		commands = append(commands, command)
	}
	submitTogether(opened, commands...)
	rename := func(from, to string) { assert.NoError(t, store.Execute(opened, "ALTER TABLE "+from+" RENAME TO "+to)) }
	for stages, limit := range map[string]int{
		` |> filter(fn: (r) => r.number < 1) |> limit(n: 1)`:              0,
		` |> limit(n: 1) |> sort(columns: ["number"])`:                    0,
		` |> sort(columns: ["_time"], desc: true) |> limit(n: 1)`:         0,
		` |> filter(fn: (r) => r.number < 2)`:                             1,
		` |> limit(n: 2) |> filter(fn: (r) => exists r.number)`:           1,
		` |> sort(columns: ["_time"]) |> filter(fn: (r) => r.number < 2)`: 1,
	} {
		query := store.JournalQuery{Flux: lastHour(stages), Limit: limit, Fits: func(*store.JournalEntry) bool {
			rename("journal_entries", "elsewhere") // what is read from now on fails
			return true
		}}
		rows, err := opened.QueryJournalRows(query)
		require.NoError(t, err, stages)
		assert.Len(t, rows.Entries, 1)
		rename("elsewhere", "journal_entries")
	}
}

// TestJournalQuery_Slices_Good looks at what the committer does for a query between two
// batches: it is bounded, whatever the query asks for.
func TestJournalQuery_Slices_Good(t *testing.T) {
	t.Parallel()
	opened := openStore(t, store.StoreConfig{})
	var commands []store.Command
	for number := range 2500 {
		command, err := store.NewJournalCommand([]string{"acme", "other"}[number%2], []string{"m", "n"}[number/2%2], map[string]any{"number": number}, nil)
		require.NoError(t, err)
		commands = append(commands, command)
	}
	for _, result := range submitTogether(opened, commands...) {
		require.NoError(t, result.err)
	}
	for name, test := range map[string]struct {
		namespace, measurement string
		slices, rows           int
	}{
		"All": {"", "", 5, 2500}, "OfANamespace": {"acme", "", 3, 1250}, "OfAMeasurement": {"", "m", 5, 1250},
		"OfBoth": {"acme", "m", 3, 625}, "OfNone": {"acme", "none", 3, 0}, "OfNobody": {"nobody", "", 1, 0},
	} {
		ascending, err := store.JournalSlices(opened, test.namespace, test.measurement, false)
		require.NoError(t, err)
		assert.Len(t, ascending, test.slices, name)
		rows := slices.Concat(ascending...)
		assert.Len(t, rows, test.rows, name)
		assert.True(t, slices.IsSorted(rows))
		descending, err := store.JournalSlices(opened, test.namespace, test.measurement, true)
		require.NoError(t, err)
		assert.Len(t, descending, test.slices, name)
		backwards := slices.Concat(descending...)
		slices.Reverse(backwards)
		assert.Equal(t, rows, backwards, name)
	}
	for range 3 {
		commitPoint(t, opened, "bytes", "m", map[string]any{"a": strings.Repeat("x", 60_000), "b": 1}, nil)
		for index := range 12 {
			fields := map[string]any{}
			for field := range 15 {
				fields[fmt.Sprint(field)] = strings.Repeat("x", 60_000)
			}
			commitPoint(t, opened, "bytes", fmt.Sprint(index), fields, nil)
		}
	}
	read, err := store.JournalSlices(opened, "bytes", "", false)
	require.NoError(t, err)
	assert.Greater(t, len(read), 10, "large entries come a few at a time")
	assert.Len(t, slices.Concat(read...), 39)
	read, err = store.JournalSlices(opened, "bytes", "m", false)
	require.NoError(t, err)
	assert.Len(t, read, 1, "those of other measurements are not read")
}

// TestJournalQuery_Schema_Good looks at how SQLite finds the rows: by an index alone, in
// the order in which they are wanted, or a turn could take as long as there are rows.
func TestJournalQuery_Schema_Good(t *testing.T) {
	path := databasePath(t)
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	raw := openRaw(t, path)
	defer raw.Close()
	for _, order := range []string{"", "DESC"} {
		for query, test := range map[string]struct {
			plan      string
			arguments []any
		}{
			store.JournalScanAll:          {"SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", []any{"", 1, 2}},
			store.JournalScanOfANamespace: {"SEARCH e USING INDEX journal_entries_by_namespace (namespace=? AND rowid>? AND rowid<?)", []any{"", "acme", 1, 2}},
		} {
			assert.Equal(t, []string{test.plan}, plansOf(t, raw, query+order, test.arguments...), "and nothing is sorted")
		}
	}
}

// plansOf are the steps in which SQLite carries out a query.
func plansOf(t *testing.T, raw *sql.DB, query string, arguments ...any) (plans []string) {
	t.Helper()
	rows, err := raw.Query("EXPLAIN QUERY PLAN "+query, arguments...)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var plan string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &plan))
		plans = append(plans, plan)
	}
	require.NoError(t, rows.Err())
	return plans
}

// Queries of one namespace that never end do not keep those of another from beginning.
func TestJournalQuery_Turns_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	journalled(t, opened, "greedy", 1)
	journalled(t, opened, "acme", 2)
	begun, release, answers := make(chan struct{}, 3), make(chan struct{}), make(chan error, 3)
	for range 3 {
		query := store.JournalQuery{Namespace: "greedy", Flux: lastHour(``), Fits: func(*store.JournalEntry) bool {
			begun <- struct{}{}
			<-release
			return true
		}}
		opened.SubmitJournalQuery(query, func(_ store.JournalRows, err error) { answers <- err })
	}
	<-begun
	rows, err := opened.QueryJournalRows(store.JournalQuery{Namespace: "acme", Flux: lastHour(``)})
	require.NoError(t, err)
	assert.Len(t, rows.Entries, 1)
	assert.Empty(t, begun, "the others of the namespace wait for the one that runs")
	close(release)
	for range 3 {
		require.NoError(t, <-answers)
	}
}

func TestJournalQuery_Turns_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	store.BoundJournalQueryWait(opened, time.Nanosecond)
	release := store.HoldJournalQueries(opened)
	_, err := opened.QueryJournal(lastHour(``))
	require.ErrorIs(t, err, store.ErrUnavailable)
	release()
	_, err = opened.QueryJournal(lastHour(``))
	require.NoError(t, err)
}

func TestJournalQuery_Close_Ugly(t *testing.T) {
	t.Run("OneThatWaits", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		release := store.HoldJournalQueries(opened)
		answers := make(chan error, 1)
		opened.SubmitJournalQuery(store.JournalQuery{Flux: lastHour(``)}, func(_ store.JournalRows, err error) { answers <- err })
		require.NoError(t, opened.Close())
		require.ErrorIs(t, <-answers, store.ErrClosed)
		release()
	})
	t.Run("OneThatRuns", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		journalled(t, opened, "acme", 1, 2, 3)
		begun, closed := make(chan struct{}), make(chan error, 1)
		_, err := opened.QueryJournalRows(store.JournalQuery{Flux: lastHour(``), Fits: func(*store.JournalEntry) bool {
			select {
			case <-begun:
			default:
				close(begun)
				go func() { closed <- opened.Close() }()
				for !store.Closing(opened) {
					runtime.Gosched()
				}
			}
			return true
		}})
		require.ErrorIs(t, err, store.ErrClosed)
		require.NoError(t, <-closed)
	})
	t.Run("OneThatComesLater", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		require.NoError(t, opened.Close())
		_, err := opened.QueryJournal(lastHour(``))
		require.ErrorIs(t, err, store.ErrClosed)
		answers := make(chan error, 1)
		opened.SubmitJournalQuery(store.JournalQuery{Flux: lastHour(``)}, func(_ store.JournalRows, err error) { answers <- err })
		assert.ErrorIs(t, <-answers, store.ErrClosed)
	})
}

// What a query does with rows, it does outside the committer: others are served.
func TestJournalQuery_Others_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	journalled(t, opened, "acme", 1, 2, 3)
	rows, err := opened.QueryJournalRows(store.JournalQuery{Flux: lastHour(``), Fits: func(entry *store.JournalEntry) bool {
		assert.NoError(t, opened.Set("acme:g", fmt.Sprint(entry.EntryID), "v"))
		return true
	}})
	require.NoError(t, err)
	assert.Len(t, rows.Entries, 3)
	assert.Equal(t, uint64(3), revision(t, opened, "acme"))
}

// Others read and write while a query runs, which sees each entry that was there once.
func TestJournalQuery_Concurrent_Ugly(t *testing.T) {
	t.Parallel()
	opened := openStore(t, store.StoreConfig{})
	numbers := make([]int, 2000)
	for index := range numbers {
		numbers[index] = index
	}
	journalled(t, opened, "acme", numbers[:1000]...)
	done := make(chan error)
	for range 4 {
		go func() {
			entries, err := opened.QueryJournal(lastHour(` |> sort(columns: ["number"])`))
			if ids := entryIDs(entries); err == nil && (len(ids) < 1000 || !slices.IsSorted(ids) || ids[999] != 1000) {
				err = fmt.Errorf("%d entries, or not each once: %v", len(ids), ids)
			}
			done <- err
		}()
	}
	journalled(t, opened, "acme", numbers[1000:]...)
	require.NoError(t, opened.Set("acme:g", "k", "v"))
	for range 4 {
		require.NoError(t, <-done)
	}
}

func TestJournalQuery_Damaged_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	journalled(t, opened, "acme", 1)
	require.NoError(t, store.Execute(opened, "ALTER TABLE journal_entries RENAME TO elsewhere"))
	_, err := opened.QueryJournal(lastHour(``))
	require.Error(t, err)
	assert.NotErrorIs(t, err, store.ErrInvalidFlux)
	require.NoError(t, store.Execute(opened, "ALTER TABLE elsewhere RENAME TO journal_entries"))
	assert.Equal(t, []int64{1}, found(t, opened, "acme", lastHour(``)))
}
