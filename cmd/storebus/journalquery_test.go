// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestJournalQuery_Input_Good(t *testing.T) {
	const flux = "from(bucket: \"b\")\n\t|> range(start: -1h)\n"
	_, requests := newScriptedShell(t, "store.acme.journal_query",
		body(`{"rows":[{"entry_id":7,"measurement":"m","fields":{},"tags":{},"committed_at":"2026-11-22T10:01:00Z"}],"truncated":true}`))
	var output, errors bytes.Buffer
	require.NoError(t, runShell(t.Context(), strings.NewReader(flux), &output, &errors, "journal", "query", "acme", "-"))
	assert.JSONEq(t, `{"flux":"from(bucket: \"b\")\n\t|> range(start: -1h)\n"}`, string((<-requests).Data))
	assert.Equal(t, "7\t2026-11-22T10:01:00Z\tm\n", output.String())
	assert.Equal(t, "there are more points: narrow the query, or raise --limit\n", errors.String())
}

func TestJournalQuery_Reply_Bad(t *testing.T) {
	shell, _ := newScriptedShell(t, "store.acme.journal_query",
		body(`{"rows":[{"entry_id":7,"measurement":"m","fields":{"a":[]},"tags":{},"committed_at":"2026-11-22T10:01:00Z"}],"truncated":false}`))
	_, err := shell.run(t, "journal", "query", "acme", "from")
	require.ErrorIs(t, err, subjects.ErrBadRequest)
}

func TestJournalQuery_Sidecar_Good(t *testing.T) {
	shell := newShell(t)
	assert.Empty(t, shell.mustRun(t, "journal", "query", "acme", `from(bucket: "b") |> range(start: -1h)`))
	_, err := shell.run(t, "journal", "query", "acme", "SELECT 1")
	require.ErrorIs(t, err, subjects.ErrBadRequest)
	assert.ErrorContains(t, err, `invalid Flux at 1:1: "SELECT" comes where "from" is expected`)
}
