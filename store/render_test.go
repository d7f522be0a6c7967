// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// rendered is what SubmitRender reports.
func rendered(opened *store.Store, query store.RenderQuery) (store.Rendering, error) {
	var rendering store.Rendering
	var err error
	var done sync.WaitGroup
	done.Add(1)
	opened.SubmitRender(query, func(made store.Rendering, failure error) {
		rendering, err = made, failure
		done.Done()
	})
	done.Wait()
	return rendering, err
}

func TestRender_GetSplit_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("config", "hosts", "a,b,,c"))
	for separator, want := range map[string][]string{
		",": {"a", "b", "", "c"}, ";": {"a,b,,c"}, "": {"a", ",", "b", ",", ",", "c"}, ",,": {"a,b", "c"},
	} {
		parts, err := opened.GetSplit("config", "hosts", separator)
		require.NoError(t, err)
		assert.Equal(t, want, slices.Collect(parts))
	}
}

func TestRender_GetFields_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("config", "flags", "  a b\t\nc  "))
	require.NoError(t, opened.Set("config", "none", " "))
	fields, err := opened.GetFields("config", "flags")
	require.NoError(t, err)
	for field := range fields {
		require.NoError(t, opened.Set("config", "flags", field), "nothing is held while the caller runs")
	}
	assert.Equal(t, []string{"a", "b", "c"}, slices.Collect(fields))
	fields, err = opened.GetFields("config", "none")
	require.NoError(t, err)
	assert.Empty(t, slices.Collect(fields))
}

func TestRender_GetSplit_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	_, err := opened.GetSplit("config", "missing", ",")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, "store.GetSplit: ")
	_, err = opened.GetFields("config", "missing")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, "store.GetFields: ")
}

// renderedEntries is the group that the templates of these tests are about.
var renderedEntries = map[string]string{"theme": "dark", "a.b": "dotted", "empty": "", "String": "no method", "other": "dark", "<": "&"}

func openRendered(t *testing.T) *store.Store {
	t.Helper()
	opened := openStore(t, store.StoreConfig{})
	for key, value := range renderedEntries {
		require.NoError(t, opened.Set("acme:config", key, value))
	}
	return opened
}

// TestRender_Render_Good compares with what text/template makes of the same.
func TestRender_Render_Good(t *testing.T) {
	opened := openRendered(t)
	for _, source := range []string{
		"", "plain {text}", "{{.theme}}", "{{ .theme -}}  !", "{{$.theme}}", "{{.missing}}", "{{.String}}", `{{index . "a.b"}}`, `{{index $ "<"}}`,
		"{{/* nothing */}}", "{{len .theme}} {{len .}}", `{{"text"}} {{1}} {{true}} {{1.5}} {{'a'}}`,
		`{{if .theme}}yes{{else}}no{{end}}`, `{{if .missing}}yes{{else if .empty}}empty{{else}}no{{end}}`,
		`{{with .theme}}{{.}}{{else}}no{{end}}`, `{{with $theme := .theme}}{{$theme}}{{end}}`, `{{with .missing}}{{.}}{{else}}no{{end}}`,
		`{{range $key, $value := .}}{{$key}}={{$value}} {{end}}`, `{{range .}}[{{.}}]{{else}}none{{end}}`, `{{range $value := $}}{{$value}}{{$.theme}}{{end}}`,
		`{{range .}}{{if eq . "dark"}}dark{{else}}{{with .}}{{.}}{{end}}{{end}}{{end}}{{range .}}again{{end}}`,
		`{{eq .theme .other}} {{eq .theme "light" "dark"}} {{ne .theme "dark"}} {{eq 1 1}} {{eq true false}} {{eq (eq 1 1) true}}`,
		`{{lt .theme "z"}} {{le .theme "dark"}} {{gt .theme "z"}} {{ge .theme "a"}} {{lt 1 2}} {{le 2 2}} {{gt 1.5 2.5}} {{ge (len .theme) 4}}`,
		`{{and .theme .other}} {{or .empty .other}} {{not .empty}} {{and (eq 1 1) (not .missing)}}`,
		`{{print .theme "-" 1 2 true}} {{.theme | print "x"}} {{print}} {{print (print .theme) .other}}`,
		`{{print 1 2 "a" "b" 3 4}}`,
	} {
		t.Run(source, func(t *testing.T) {
			reference, err := template.New("").Parse(source)
			require.NoError(t, err)
			var want strings.Builder
			require.NoError(t, reference.Execute(&want, renderedEntries))
			got, err := opened.Render(source, "acme:config")
			require.NoError(t, err)
			assert.Equal(t, want.String(), got)
		})
	}
	t.Run("WhatIsMissing", func(t *testing.T) {
		text, err := opened.Render(`{{index . "missing"}} {{print .missing "!"}} {{len .missing}} {{eq .missing "x"}} {{eq .missing .nothing}} {{ne .missing ""}}`, "acme:config")
		require.NoError(t, err)
		assert.Equal(t, "<no value> <no value>! 0 false true true", text)
	})
	t.Run("MissingGroup", func(t *testing.T) {
		text, err := opened.Render("{{range .}}x{{else}}none{{end}} {{.theme}}", "acme:missing")
		require.NoError(t, err)
		assert.Equal(t, "none <no value>", text)
	})
	t.Run("SaysItsRevision", func(t *testing.T) {
		rendering, err := rendered(opened, store.RenderQuery{Group: "acme:config", Template: "{{.theme}}"})
		require.NoError(t, err)
		assert.Equal(t, store.Rendering{Text: "dark", Revision: 6}, rendering)
	})
	t.Run("StrictWithEveryKeyThere", func(t *testing.T) {
		rendering, err := rendered(opened, store.RenderQuery{Group: "acme:config", Template: `{{.theme}}{{index . "a.b"}}{{if .empty}}{{end}}`, Strict: true})
		require.NoError(t, err)
		assert.Equal(t, "darkdotted", rendering.Text)
	})
}

func TestRender_Render_Bad(t *testing.T) {
	opened := openRendered(t)
	for source, want := range map[string]string{
		`{{printf "%1000000d" 1}}`:                    `line 1, column 3: "printf" is not allowed`,
		"\n\n  {{html .theme}}":                       `line 3, column 5: "html" is not allowed`,
		`{{call .theme}}`:                             `"call" is not allowed`,
		`{{.theme | urlquery}}`:                       `line 1, column 12: "urlquery" is not allowed`,
		`{{if js .theme}}{{end}}`:                     `"js" is not allowed`,
		`{{if true}}{{else if slice .theme}}{{end}}`:  `"slice" is not allowed`,
		`{{print (println 1)}}`:                       `"println" is not allowed`,
		`{{show .}}`:                                  `"show" is not allowed`,
		`{{range .}}{{values .}}{{end}}`:              `"values" is not allowed`,
		`{{unknown}}`:                                 `"unknown" is not allowed`,
		`{{define "x"}}{{end}}`:                       `"define" is not allowed`,
		`{{block "x" .}}{{end}}`:                      `is not allowed`,
		`{{template "x"}}`:                            `"template" is not allowed`,
		`{{$x := .theme}}`:                            `"$x := .theme" is not allowed`,
		`{{with $x := .theme}}{{$x = "y"}}{{end}}`:    `is not allowed`,
		`{{with $x := 1}}{{if $x = 2}}{{end}}{{end}}`: `is not allowed`,
		`{{range .}}{{break}}{{end}}`:                 `"break" is not allowed`,
		`{{range .}}{{continue}}{{end}}`:              `"continue" is not allowed`,
		`{{range .}}{{range $}}{{end}}{{end}}`:        `line 1, column 20: "range" is not allowed within a range`,
		`{{range .theme}}{{end}}`:                     `"range" goes over the group only`,
		`{{range 1000000000}}{{end}}`:                 `"range" goes over the group only`,
		`{{range . | print}}{{end}}`:                  `"range" goes over the group only`,
		`{{range .}}{{else}}{{html 1}}{{end}}`:        `"html" is not allowed`,
		`{{with .theme}}{{range .}}{{end}}{{end}}`:    `range goes over the group only, and this is a value`,
		`{{.a.b}}`:                          `for the key "a.b" use index . "a.b"`,
		`{{$.a.b}}`:                         `for the key "a.b" use index . "a.b"`,
		`{{(index . "a").b}}`:               `is not allowed`,
		`{{eq .theme nil}}`:                 `"nil" is not allowed`,
		`{{.}}`:                             `the group cannot be printed as a whole`,
		`{{print "x" .}}`:                   `the group cannot be printed as a whole`,
		`{{index .theme 1}}`:                `expected string`,
		`{{index .theme "x"}}`:              `index takes the group and one key`,
		`{{index .}}`:                       `index takes the group and one key`,
		`{{len 1}}`:                         `a text or the group has a length`,
		`{{eq .theme 1}}`:                   `eq compares two texts or two numbers`,
		`{{lt .theme true}}`:                `lt compares two texts or two numbers`,
		`{{ge .missing .theme}}`:            `ge compares two texts or two numbers`,
		`{{eq . .}}`:                        `eq compares two texts or two numbers`,
		`{{with .theme}}{{.length}}{{end}}`: `can't evaluate field length`,
		`{{.theme`:                          `unclosed action`,
		`{{if .theme}}`:                     `unexpected EOF`,
		`{{99999999999999999999}}`:          `integer overflow`,
		strings.Repeat("{{if true}}", 102) + strings.Repeat("{{end}}", 102):     `nested more than 100 deep`,
		"{{" + strings.Repeat("(", 102) + "1" + strings.Repeat(")", 102) + "}}": `nested more than 100 deep`,
	} {
		_, err := opened.Render(source, "acme:config")
		require.ErrorIs(t, err, store.ErrInvalidTemplate, source)
		require.ErrorContains(t, err, `store.Render: group "acme:config": invalid template: `)
		assert.ErrorContains(t, err, want, source)
	}
	t.Run("Strict", func(t *testing.T) {
		for source, want := range map[string]string{
			`{{.missing}}`: `map has no entry for key "missing"`, `{{if .missing}}{{end}}`: `map has no entry for key "missing"`,
			`{{index . "missing"}}`: `there is no key "missing"`,
		} {
			_, err := rendered(opened, store.RenderQuery{Group: "acme:config", Template: source, Strict: true})
			require.ErrorIs(t, err, store.ErrInvalidTemplate)
			assert.ErrorContains(t, err, want)
		}
	})
	t.Run("SourceTooLong", func(t *testing.T) {
		text, err := opened.Render(strings.Repeat("x", store.MaxTemplateBytes), "acme:config")
		require.NoError(t, err)
		assert.Len(t, text, store.MaxTemplateBytes)
		_, err = opened.Render(strings.Repeat("x", store.MaxTemplateBytes+1), "acme:config")
		requireTooLarge(t, err, store.TooLargeError{What: "template", Size: store.MaxTemplateBytes + 1, Limit: store.MaxTemplateBytes})
	})
	t.Run("GroupTooLarge", func(t *testing.T) {
		for index := range 4 {
			require.NoError(t, opened.Set("acme:large", fmt.Sprint(index), strings.Repeat("x", 1<<20-1-64)))
		}
		text, err := opened.Render(`{{len .}}`, "acme:large")
		require.NoError(t, err)
		assert.Equal(t, "4", text)
		require.NoError(t, opened.Set("acme:large", "", ""))
		_, err = opened.Render(`{{len .}}`, "acme:large")
		requireTooLarge(t, err, store.TooLargeError{What: "group to render", Size: store.MaxRenderedGroupBytes + 64, Limit: store.MaxRenderedGroupBytes})
	})
	t.Run("Closed", func(t *testing.T) {
		require.NoError(t, opened.Close())
		_, err := opened.Render("", "acme:config")
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = rendered(opened, store.RenderQuery{})
		require.ErrorIs(t, err, store.ErrClosed)
	})
}

func requireTooLarge(t *testing.T, err error, want store.TooLargeError) {
	t.Helper()
	var tooLarge *store.TooLargeError
	require.ErrorAs(t, err, &tooLarge)
	require.Equal(t, want, *tooLarge)
}

// TestRender_Render_Ugly runs templates that would run, or grow, for ever.
func TestRender_Render_Ugly(t *testing.T) {
	t.Parallel()
	opened := openStore(t, store.StoreConfig{})
	writeAll(t, opened, "acme:many", 10_000, 0)
	require.NoError(t, opened.Set("acme:long", "long", strings.Repeat("x", 1<<20)))
	require.NoError(t, opened.Set("acme:long", "same", strings.Repeat("x", 1<<19)+"a"))
	require.NoError(t, opened.Set("acme:compared", "same", strings.Repeat("x", 2_000_000)+"a"))
	require.NoError(t, opened.Set("acme:compared", "other", strings.Repeat("x", 2_000_000)+"b"))
	repeated := func(part string) string { return strings.Repeat(part, (store.MaxTemplateBytes-100)/len(part)) }
	nested := func(body string) string {
		return strings.Repeat("{{if .}}{{with .}}", 45) + body + strings.Repeat("{{end}}{{end}}", 45)
	}
	for name, test := range map[string]struct {
		group, source string
		want          error
	}{
		"ManyBlocksInsideARange": {"acme:many", "{{range .}}" + repeated("{{if .}}{{end}}") + "{{end}}", store.ErrDeadlineExceeded},
		"DeepBlocksInsideARange": {"acme:many", "{{range .}}" + strings.Repeat(nested(""), 40) + "{{end}}", store.ErrDeadlineExceeded},
		"ManyRanges":             {"acme:many", repeated("{{range .}}{{end}}"), store.ErrDeadlineExceeded},
		"ManyRangesOfPairs":      {"acme:many", repeated("{{range $k, $v := .}}{{end}}"), store.ErrDeadlineExceeded},
		"EmptyTexts":             {"acme:many", "{{range .}}" + repeated(`{{""}}`) + "{{end}}", store.ErrDeadlineExceeded},
		"Comparisons":            {"acme:compared", "{{if eq .same" + repeated(" .other") + "}}{{end}}", store.ErrDeadlineExceeded},
		"TextOfARange":           {"acme:many", "{{range .}}" + strings.Repeat("text", 1000) + "{{end}}", store.ErrTooLarge},
		"LongValues":             {"acme:long", "{{.long}}{{.long}}", store.ErrTooLarge},
		"LongPrint":              {"acme:long", "{{len (print" + repeated(" .long") + ")}}", store.ErrTooLarge},
		"PrintsOfPrints":         {"acme:long", "{{if print (print .same) (print .same)}}{{end}}", store.ErrTooLarge},
		"ManyPrints":             {"acme:long", repeated(`{{if print .same "x"}}{{end}}`), store.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rendered(opened, store.RenderQuery{Group: test.group, Template: test.source})
			if !errors.Is(err, store.ErrDeadlineExceeded) { // A slow machine may not come as far as the size.
				require.ErrorIs(t, err, test.want)
			}
		})
	}
	t.Run("LongestTextThatIsAllowed", func(t *testing.T) {
		text, err := opened.Render("{{.long}}", "acme:long")
		require.NoError(t, err)
		assert.Len(t, text, store.MaxRenderedBytes)
	})
	t.Run("OthersGoOnMeanwhile", func(t *testing.T) {
		var running sync.WaitGroup
		for range 4 {
			running.Add(1)
			opened.SubmitRender(store.RenderQuery{Group: "acme:many", Template: repeated("{{range .}}{{end}}")}, func(_ store.Rendering, err error) {
				assert.ErrorIs(t, err, store.ErrDeadlineExceeded)
				running.Done()
			})
		}
		setKeys(t, opened, "a", "b", "c")
		requireValue(t, opened, "c", "value")
		running.Wait()
	})
	t.Run("CloseAnswersThoseThatWait", func(t *testing.T) {
		answers := make(chan error, 8)
		for range cap(answers) {
			opened.SubmitRender(store.RenderQuery{Group: "acme:many", Template: repeated("{{range .}}{{end}}")}, func(_ store.Rendering, err error) { answers <- err })
		}
		require.NoError(t, opened.Close())
		require.Len(t, answers, cap(answers))
		for range cap(answers) {
			err := <-answers
			assert.True(t, errors.Is(err, store.ErrClosed) || errors.Is(err, store.ErrDeadlineExceeded), "%v", err)
		}
	})
}
