// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestJournalcommit_StandardInput_Good(t *testing.T) {
	shell, requests := newScriptedShell(t, "store.acme.journal_commit", body(`{"entry_id":7,"committed_at":"2026-11-22T10:01:00Z"}`))
	shell.input = "# two of them\n\nm a=1\r\n  n b=2i\n"
	assert.Equal(t, "7\n7\n", shell.mustRun(t, "journal", "commit", "acme", "-"))
	assert.JSONEq(t, `{"measurement":"m","fields":{"a":1}}`, string((<-requests).Data))
	assert.JSONEq(t, `{"measurement":"n","fields":{"b":{"integer":"2"}}}`, string((<-requests).Data))
}

func TestJournalcommit_Numbers_Good(t *testing.T) {
	shell, requests := newScriptedShell(t, "store.acme.journal_commit", body(`{"entry_id":7,"committed_at":"2026-11-22T10:01:00Z"}`))
	shell.mustRun(t, "journal", "commit", "acme", `m a=.5,b=-.5,c=1.,d=1.e5,e=1E5,f=-0.0,g=9007199254740992,h=0.1,i=9007199254740993i,j=18446744073709551615u`)
	assert.JSONEq(t, `{"measurement":"m","fields":{"a":0.5,"b":-0.5,"c":1,"d":100000,"e":100000,"f":-0,"g":9007199254740992,"h":0.1,
		"i":{"integer":"9007199254740993"},"j":{"unsigned":"18446744073709551615"}}}`, string((<-requests).Data))
}

// A text is committed as InfluxDB reads it: \" and \\ are the only escapes.
func TestJournalcommit_Text_Good(t *testing.T) {
	shell, requests := newScriptedShell(t, "store.acme.journal_commit", body(`{"entry_id":7,"committed_at":"2026-11-22T10:01:00Z"}`))
	shell.mustRun(t, "journal", "commit", "acme", `C:\temp,d="C:\new" path="C:\temp\new",share="\\\\nas\\\"\\r",k="\\t"`)
	assert.JSONEq(t, `{"measurement":"C:\\temp","fields":{"path":"C:\\temp\\new","share":"\\\\nas\\\"\\r","k":"\\t"},"tags":{"d":"\"C:\\new\""}}`, string((<-requests).Data))
}

// A mistake in any line is found before the first line is sent.
func TestJournalcommit_Line_Bad(t *testing.T) {
	shell, requests := newScriptedShell(t, "store.>", body(`{}`))
	for text, reason := range map[string]string{
		"":                             "there is no point",
		"# nothing\n":                  "there is no point",
		"m":                            `line 1: "m" has no field: a point is MEASUREMENT`,
		"deploy seconds":               `line 1: "deploy seconds" has no field`,
		"m a=1\nn b=":                  "line 2: ",
		"m a=1\n\nn,=x b=1":            "line 3: ",
		"m a=1x":                       "line 1: ",
		"m a=1 1700000000000000000":    "line 1: a point gets its time in the journal",
		"m a=1 0":                      "line 1: a point gets its time in the journal",
		"m a=1 soon":                   "line 1: ",
		"m,h=1,h=2 a=1":                `line 1: the tag "h" stands there twice`,
		"m a=1,a=2":                    `line 1: the field "a" stands there twice`,
		"m a=\"x":                      "line 1: column ",
		"m a=1\nn id=9007199254740993": `line 2: the field "id": a float does not hold 9007199254740993 exactly: write 9007199254740993i`,
		"m a=9007199254740993.":        "write 9007199254740993i",
		"m a=18446744073709551615":     "18446744073709551615u",
		"m a=1e-400":                   `line 1: the field "a": a float does not hold 1e-400`,
		"m a=1e400":                    `line 1: the field "a": `,
		"m a=1_0":                      `line 1: the field "a": `,
		"m a=3.0i":                     `line 1: the field "a": `,
	} {
		shell.input = text
		output, err := shell.run(t, "journal", "commit", "acme", "-")
		require.ErrorContains(t, err, reason, text)
		assert.Equal(t, exitUsage, kindOf(err).status, "the line is the command line's")
		assert.Empty(t, output)
	}
	assert.Empty(t, requests)
}

// A mistake is a bad request, and not a failure of the sidecar.
func TestJournalcommit_JSON_Bad(t *testing.T) {
	newScriptedShell(t, "store.>", body(`{}`))
	for _, line := range []string{"bad line", "m f=1 123", ""} {
		status, output, errorOutput := runProgram("journal", "commit", "acme", line, "--json")
		assert.Equal(t, exitUsage, status, line)
		assert.Empty(t, output)
		var told subjects.ErrorBody
		require.NoError(t, json.Unmarshal([]byte(errorOutput), &told), errorOutput)
		assert.Equal(t, 400, told.Error.Code, line)
		assert.Equal(t, subjects.ErrBadRequest.Name, told.Error.Name, line)
	}
}
