// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// fluxBody is a request of journal_query for stages over the last hour.
func fluxBody(stages, more string) string {
	return fmt.Sprintf(`{"flux":%q%s}`, `from(bucket: "journal") |> range(start: -1h)`+stages, more)
}

func TestJournalQuery_Rows_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	fields := `{"by":"A<d>a","ok":true,"seconds":12.5,"most":{"unsigned":"18446744073709551615"},"least":{"integer":"-9223372036854775808"},"whole":3}`
	first := ask[subjects.JournalCommitReply](bench, "store.acme.journal_commit", `{"measurement":"deploy","fields":`+fields+`,"tags":{"host":"a1"}}`)
	ask[subjects.JournalCommitReply](bench, "store.acme.journal_commit", `{"measurement":"build","fields":{"seconds":1}}`)
	ask[subjects.JournalCommitReply](bench, "store.other.journal_commit", `{"measurement":"deploy","fields":{"seconds":1}}`)

	reply := bench.request("store.acme.journal_query", fluxBody(` |> filter(fn: (r) => r.seconds > 10)`, ``))
	assert.JSONEq(t, fmt.Sprintf(`{"rows":[{"entry_id":1,"measurement":"deploy","fields":%s,"tags":{"host":"a1"},"committed_at":%q}],"truncated":false}`,
		fields, first.CommittedAt.Format("2006-01-02T15:04:05.999999999Z07:00")), string(reply.Data))
	values, err := ask[subjects.JournalQueryReply](bench, "store.acme.journal_query", fluxBody(` |> limit(n: 1)`, ``)).Rows[0].Fields.Values()
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"by": "A<d>a", "ok": true, "seconds": 12.5, "most": uint64(math.MaxUint64), "least": int64(math.MinInt64), "whole": 3.0}, values)

	found := ask[subjects.JournalQueryReply](bench, "store.acme.journal_query", fluxBody(` |> sort(columns: ["_time"], desc: true)`, `,"limit":1`))
	require.Len(t, found.Rows, 1)
	assert.Equal(t, uint64(2), found.Rows[0].EntryID)
	assert.True(t, found.Truncated)
	assert.JSONEq(t, `{"rows":[],"truncated":false}`, string(bench.request("store.nobody.journal_query", fluxBody(``, ``)).Data))
	for _, predicate := range []string{`true`, `r.namespace == "other"`, `r.namespace != "acme"`, `not (r.namespace == "acme") or exists r.namespace`} {
		for _, row := range ask[subjects.JournalQueryReply](bench, "store.acme.journal_query", fluxBody(` |> filter(fn: (r) => `+predicate+`)`, ``)).Rows {
			assert.Less(t, row.EntryID, uint64(3), "another namespace's point: %s", predicate)
		}
	}
}

func TestJournalQuery_Limit_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	for number := range 110 {
		ask[subjects.JournalCommitReply](bench, "store.acme.journal_commit", fmt.Sprintf(`{"measurement":"m","fields":{"n":%d}}`, number))
	}
	found := ask[subjects.JournalQueryReply](bench, "store.acme.journal_query", fluxBody(``, ``))
	assert.Len(t, found.Rows, subjects.DefaultLimit)
	assert.True(t, found.Truncated)
	found = ask[subjects.JournalQueryReply](bench, "store.acme.journal_query", fluxBody(``, `,"limit":1000`))
	assert.Len(t, found.Rows, 110)
	assert.False(t, found.Truncated)
	text := strings.Repeat(`"`, 60_000) // twice as long as it travels
	for range 12 {
		ask[subjects.JournalCommitReply](bench, "store.large.journal_commit", fmt.Sprintf(`{"measurement":"m","fields":{"text":%q}}`, text))
	}
	reply := bench.request("store.large.journal_query", fluxBody(``, ``))
	assert.Empty(t, reply.Header)
	assert.LessOrEqual(t, len(reply.Data), 1<<20)
	found = ask[subjects.JournalQueryReply](bench, "store.large.journal_query", fluxBody(``, ``))
	assert.Len(t, found.Rows, 8)
	assert.True(t, found.Truncated, "a reply fits one message")
}

func TestJournalQuery_Flux_Bad(t *testing.T) {
	bench := startService(t, handler.Config{
		Store: openStore(t, store.StoreConfig{Limits: limits, Journal: store.JournalConfiguration{BucketName: "journal"}}),
	})
	for body, message := range map[string]string{
		`{}`:                               `store.JournalQuery: flux is required`,
		`{"flux":"SELECT * FROM entries"}`: `store.JournalQuery: invalid Flux at 1:1: "SELECT" comes where "from" is expected`,
		fluxBody(` |> drop()`, ``):         `store.JournalQuery: invalid Flux at 1:49: there is no function "drop" here, only filter, sort or limit, behind from and one range`,
		`{"flux":"from(bucket: \"other\") |> range(start: -1h)"}`:              `store.JournalQuery: invalid Flux at 1:14: the bucket is "journal", not "other"`,
		`{"flux":"from(bucket: \"journal\") |> range(start: -1h, stop: -2h)"}`: ``,
		`{"flux":"from(bucket: \"journal\") |> range(start: -999999999999d)"}`: `store.JournalQuery: invalid Flux at 1:42: "999999999999d" is longer than any range can be`,
		`{"flux":"` + strings.Repeat("f", subjects.MaxFluxBytes+1) + `"}`:      `store.JournalQuery: flux is at most 65536 bytes, not 65537`,
	} {
		failure := bench.refuse("store.acme.journal_query", body)
		require.ErrorIs(t, failure, subjects.ErrBadRequest)
		assert.Equal(t, "flux", failure.Field)
		if message != "" {
			assert.Equal(t, message, failure.Message)
		}
	}
}
