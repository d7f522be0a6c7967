// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// If an integer is written as 3.0, the error says to write 3, for every integer of every
// verb.
func TestNumbers_Whole_Bad(t *testing.T) {
	acme := newNamespace(t)
	described := decode[subjects.DescribeReply](t, acme.in("admin").call(t, "describe", ""))
	integers := 0
	for _, verb := range described.Verbs {
		row := rowOf(t, string(verb.Name))
		for _, field := range verb.Fields {
			if field.Type != "integer" {
				continue
			}
			integers++
			for given, write := range map[string]string{"3.0": "3", "3e0": "3", "30E-1": "3", "1e3": "1000"} {
				failure := requireFailure(t, row.ask(t, acme, replaceField(t, row.body, field.Name, given)), 400, "bad_request")
				assert.Equal(t, field.Name, failure.Field, "%s of %s", given, row.verb)
				assert.Regexp(t, "not "+given+": write "+write+"$", failure.Message, "%s of %s", field.Name, row.verb)
			}
		}
	}
	assert.Greater(t, integers, 15)
	for field, body := range map[string]string{
		"entry_ids/1":        `{"entry_ids":[1,3.0]}`,
		"then/1/if_revision": `{"then":[{"op":"delete","key":"k"},{"op":"delete","key":"k","if_revision":3.0}]}`,
		"else/0/by":          `{"else":[{"op":"increment","key":"k","by":3e0}]}`,
		"if/0/revision":      `{"if":[{"key":"k","revision":3.0}]}`,
	} {
		verb := "transaction"
		if field == "entry_ids/1" {
			verb = "journal_requeue"
		}
		failure := requireFailure(t, acme.call(t, verb, body), 400, "bad_request")
		assert.Equal(t, field, failure.Field)
		assert.Regexp(t, ": write 3$", failure.Message)
	}
	for _, verb := range []string{"set", "delete"} {
		failure := requireFailure(t, acme.raw(t, verb, "g", "k", nil, headerIfRevision, "3.0"), 400, "bad_request")
		assert.Equal(t, headerIfRevision, failure.Field)
		assert.Regexp(t, ": write 3$", failure.Message)
	}
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

// rowOf returns the row of a verb.
func rowOf(t *testing.T, verb string) verbRow {
	t.Helper()
	for _, row := range verbRows {
		if row.verb == verb {
			return row
		}
	}
	require.Fail(t, "no row", verb)
	return verbRow{}
}

// If a number would be stored as another one, it is refused, and the error says how to keep
// it.
func TestNumbers_JournalFields_Bad(t *testing.T) {
	acme := newNamespace(t)
	for number, write := range map[string]string{
		"9007199254740993":     `{"integer":"9007199254740993"}`,
		"-9007199254740993":    `{"integer":"-9007199254740993"}`,
		"9007199254740993.0":   `{"integer":"9007199254740993"}`,
		"9223372036854775807":  `{"integer":"9223372036854775807"}`,
		"18446744073709551615": `{"unsigned":"18446744073709551615"}`,
		"18446744073709551617": `{"integer":"`,
		"1e-400":               `{"integer":"`,
		"-1e-400":              `{"integer":"`,
		"1e400":                `{"integer":"`,
		`{"integer":"3.0"}`:    `{"integer":"3"}`,
		`{"integer":3}`:        `{"integer":"3"}`,
	} {
		failure := requireFailure(t, acme.call(t, "journal_commit", `{"measurement":"m","fields":{"a":1,"id":`+number+`}}`), 400, "bad_request")
		assert.Equal(t, "fields/id", failure.Field, number)
		assert.Contains(t, failure.Message, write, number)
	}
	rows := decode[subjects.JournalQueryReply](t, acme.call(t, "journal_query", `{"flux":"from(bucket:\"journal\") |> range(start:-1h)"}`)).Rows
	assert.Empty(t, rows, "an error changes nothing")
}

// An accepted number is returned unchanged.
func TestNumbers_JournalFields_Good(t *testing.T) {
	acme := newNamespace(t)
	for _, number := range []string{
		"0", "-1.5", "0.1", "9007199254740992", "9007199254740994", "1152921504606847000", "5e-324", "1.7976931348623157e+308",
		`{"integer":"9007199254740993"}`, `{"integer":"-9223372036854775808"}`, `{"unsigned":"18446744073709551615"}`, `"9007199254740993"`,
	} {
		id := decode[subjects.JournalCommitReply](t, acme.call(t, "journal_commit", `{"measurement":"m","fields":{"id":`+number+`}}`)).EntryID
		rows := decode[subjects.JournalQueryReply](t, acme.call(t, "journal_query", `{"flux":"from(bucket:\"journal\") |> range(start:-1h)"}`)).Rows
		last := rows[len(rows)-1]
		require.Equal(t, id, last.EntryID)
		assert.Equal(t, number, string(last.Fields["id"]))
	}
}
