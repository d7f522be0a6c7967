// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// Every valid name, tag and text arrives at the endpoint as it was committed.
func TestJournal_Names_Good(t *testing.T) {
	t.Parallel()
	endpoint := startInflux(t)
	_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--journal-url", endpoint.URL(), "--journal-bucket", "b")
	store, err := client.New(connect(t, address), client.Config{})
	require.NoError(t, err)
	hard := []string{"plain", "a b", "a,b", "a=b", `a\b`, `a\nb`, `a\\b`, `"q"`, `a"b c"`, "'", "é 🚀", "a#b", "a ,=", ", ", "=", `\a`, "a:b|c;d", "select", "0", "-1i"}
	for index, name := range hard {
		_, err := store.JournalCommit(t.Context(), "acme", "m "+name, map[string]any{"f " + name: int64(index), "n": int64(index), "s": name},
			client.JournalOptions{Tags: map[string]string{"t " + name: name}})
		require.NoError(t, err, name)
	}
	_, err = store.Flush(t.Context())
	require.NoError(t, err)
	page, err := store.JournalRejected(t.Context(), "acme", client.JournalRejectedOptions{})
	require.NoError(t, err)
	assert.Empty(t, page.Entries)
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for index, name := range hard {
		series := endpoint.query(t, `SELECT * FROM "`+quoted.Replace("m "+name)+`" GROUP BY *`)
		require.Len(t, series, 1, name)
		assert.Equal(t, map[string]string{"t " + name: name, "namespace": "acme"}, series[0].Tags)
		require.Len(t, series[0].Values, 1)
		row := map[string]any{}
		for column, title := range series[0].Columns {
			row[title] = fmt.Sprint(series[0].Values[0][column])
		}
		delete(row, "time")
		assert.Equal(t, map[string]any{"f " + name: fmt.Sprint(index), "n": fmt.Sprint(index), "s": name}, row)
	}
}

// If a line cannot carry a name or a value, or would become another line, the commit is
// refused. No part of it is stored.
func TestJournal_Commit_Bad(t *testing.T) {
	acme := newNamespace(t)
	tenant, err := client.New(acme.connection, client.Config{})
	require.NoError(t, err)
	refused := func(name, body string, code int, says string) {
		t.Helper()
		reply, err := acme.connection.Request("store."+acme.namespace+".journal_commit", []byte(body), patience)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(code), reply.Header.Get(subjects.HeaderErrorCode), "%s: %s", name, reply.Data)
		assert.Contains(t, string(reply.Data), says, name)
	}
	const value = `{"v":1}`
	for _, bad := range []string{`\n`, `\r`, `\u0000`, `\t`, `\u007f`, `\\`, `\\,b`, `\\=b`, `\\ b`} {
		second := `a` + bad
		refused("measurement", `{"measurement":"`+second+`","fields":`+value+`}`, http.StatusBadRequest, "measurement")
		refused("tag", `{"measurement":"m","fields":`+value+`,"tags":{"`+second+`":"x"}}`, http.StatusBadRequest, "tag")
		refused("value of a tag", `{"measurement":"m","fields":`+value+`,"tags":{"t":"`+second+`"}}`, http.StatusBadRequest, "tag")
		refused("field", `{"measurement":"m","fields":{"`+second+`":1}}`, http.StatusBadRequest, "field")
	}
	for _, bad := range []string{`x v=1\nadmin v=1`, `a\rb`, `a\u0000b`} {
		refused("text", `{"measurement":"m","fields":{"v":"`+bad+`"}}`, http.StatusBadRequest, "the end of a line or a NUL")
	}
	for _, name := range []string{"", "_field", "_measurement", "time"} {
		refused("field", `{"measurement":"m","fields":{"`+name+`":1}}`, http.StatusBadRequest, "field")
		refused("tag", `{"measurement":"m","fields":`+value+`,"tags":{"`+name+`":"x"}}`, http.StatusBadRequest, "tag")
	}
	for _, fields := range []string{
		`{}`, `{"v":null}`, `{"v":1e999}`, `{"v":{"unsigned":"18446744073709551616"}}`, `{"v":{"unsigned":"-1"}}`, `{"v":{"integer":"9223372036854775808"}}`,
		`{"v":{"integer":5}}`, `{"v":{"integer":"5","unsigned":"5"}}`, `{"v":[1]}`, `{"namespace":1}`,
	} {
		refused(fields, `{"measurement":"m","fields":`+fields+`}`, http.StatusBadRequest, "field")
	}
	refused("comment", `{"measurement":"#m","fields":`+value+`}`, http.StatusBadRequest, "comment")
	refused("tag namespace", `{"measurement":"m","fields":`+value+`,"tags":{"namespace":"other"}}`, http.StatusBadRequest, "namespace")
	refused("both", `{"measurement":"m","fields":{"x":1},"tags":{"x":"y"}}`, http.StatusBadRequest, "both")
	refused("long text", `{"measurement":"m","fields":{"v":"`+strings.Repeat("x", 64<<10)+`"}}`, http.StatusRequestEntityTooLarge, "too_large")
	refused("many fields", `{"measurement":"m","fields":{`+manyFields(10_000)+`}}`, http.StatusBadRequest, "1 to 1000")
	status, err := tenant.JournalStatus(t.Context(), acme.namespace)
	require.NoError(t, err)
	assert.Equal(t, subjects.JournalStatusReply{}, status)
	// An empty tag is left out, and is not an error.
	_, err = tenant.JournalCommit(t.Context(), acme.namespace, "m", map[string]any{"v": 1}, client.JournalOptions{Tags: map[string]string{"t": ""}})
	require.NoError(t, err)
}

func manyFields(count int) string {
	fields := make([]string, count)
	for index := range fields {
		fields[index] = fmt.Sprintf(`"f%d":1`, index)
	}
	return strings.Join(fields, ",")
}
