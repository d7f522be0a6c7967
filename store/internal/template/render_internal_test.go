// SPDX-License-Identifier: EUPL-1.2

package template

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/failure"
)

// TestRender_Deadline_Bad runs templates after their deadline: every operation that may
// take long refuses to begin.
func TestRender_Deadline_Bad(t *testing.T) {
	group := &Group{values: map[string]string{"a": "1"}, ordered: []pair{{"a", "1"}}}
	for _, source := range []string{
		"text", "{{.a}}", "{{range .}}{{end}}", "{{range $k, $v := .}}{{end}}", "{{if print .a}}{{end}}", "{{if len .a}}{{end}}", "{{if len .}}{{end}}", "{{if len .missing}}{{end}}",
		`{{if index . "a"}}{{end}}`, "{{if eq .a .a}}{{end}}", "{{if eq .a .missing}}{{end}}", "{{if ne true false}}{{end}}",
		"{{if lt .a .a}}{{end}}", "{{if le 1 2}}{{end}}", "{{if gt .a .a}}{{end}}", "{{if ge .a .a}}{{end}}", "{{if or (eq .a .a) true}}{{end}}",
	} {
		tree, err := Parse(source)
		require.NoError(t, err)
		run := &Run{group: group, deadline: time.Now().Add(-time.Second)}
		prepared, err := Prepare(tree, run.functions(), false)
		require.NoError(t, err)
		_, err = run.execute(prepared)
		require.ErrorIs(t, err, failure.ErrDeadlineExceeded, source)
	}
}

// TestRender_Deadline_Ugly has the deadline come within a range.
func TestRender_Deadline_Ugly(t *testing.T) {
	run := &Run{group: &Group{ordered: []pair{{"a", "1"}, {"b", "2"}}}, deadline: time.Now().Add(time.Hour)}
	values, err := run.eachValue(map[string]string{})
	require.NoError(t, err)
	seen := 0
	for range values {
		seen++
		run.deadline = time.Time{}
	}
	require.Equal(t, 1, seen)
}

// FuzzParseTemplate parses any text. If the checker accepts a template, text/template
// accepts it, and executes it within bounds.
func FuzzParseTemplate(f *testing.F) {
	for _, source := range []string{
		"{{range $k, $v := .}}{{if eq $k \"a\"}}{{print $v}}{{end}}{{end}}", "{{with .a}}{{.}}{{end}}", "{{.a.b}}", "{{define \"x\"}}{{end}}", "{{$x := 1}}",
		"{{range .}}{{range .}}{{end}}{{end}}", "{{index . \"a\" | len}}", "{{(.a)}}", "{{break}}", "{{/* */}}", "{{nil}}", "{{and 1 (or .a 2)}}",
	} {
		f.Add(source)
	}
	group := &Group{values: map[string]string{"a": "1", "b": ""}, ordered: []pair{{"a", "1"}, {"b", ""}}}
	f.Fuzz(func(t *testing.T, source string) {
		tree, err := Parse(source)
		if err != nil {
			return
		}
		run := &Run{group: group, deadline: time.Now().Add(time.Hour)}
		prepared, err := Prepare(tree, run.functions(), false)
		require.NoError(t, err)
		text, err := run.execute(prepared)
		if err == nil {
			require.LessOrEqual(t, len(text), MaxRenderedBytes)
		}
	})
}
