// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSuggestion_DidYouMean_Good(t *testing.T) {
	known := commandNames(rootCommand(func() {}))
	for typed, meant := range map[string]string{
		"lst": "list", "gte": "get", "sevre": "serve", "delete-grup": "delete-group", "namespace": "namespaces", "wacth": "watch", "sat": "set",
		"del": "delete", "delete-g": "delete-group", "name": "namespaces", "inc": "increment", "ls": "list", "keys": "list", "rm": "delete", "put": "set",
	} {
		assert.Equal(t, `; did you mean "`+meant+`"?`, didYouMean(typed, known))
	}
	for typed, meant := range synonyms {
		assert.Contains(t, known, meant, typed)
		assert.NotContains(t, known, typed)
	}
	assert.Empty(t, didYouMean("ls", []string{"open", "commit"}), "a synonym stands for a command that is there")
	for _, typed := range []string{"x", "frobnicate", ""} {
		assert.Empty(t, didYouMean(typed, known), typed)
	}
}

func TestSuggestion_CommandLine_Bad(t *testing.T) {
	isolate(t)
	for text, line := range map[string][]string{
		`there is no command "lst"; did you mean "list"? storebus --help lists all`:              {"lst"},
		`there is no command "frobnicate"; storebus --help lists all`:                            {"frobnicate"},
		`there is no command "opne"; did you mean "open"? storebus workspace --help lists all`:   {"workspace", "opne"},
		`there is no flag --lmit; did you mean "--limit"? Words that begin with - come after --`: {"list", "acme", "config", "--lmit", "5"},
		`there is no flag --frobnicate. Words that begin with - come after --`:                   {"list", "acme", "config", "--frobnicate"},
	} {
		status, output, errorOutput := runProgram(line...)
		assert.Equal(t, exitUsage, status)
		assert.Empty(t, output)
		assert.Contains(t, errorOutput, text)
	}
}
