// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestGet_Get_Good(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	assert.Equal(t, "dark", shell.mustRun(t, "get", "acme", "config", "theme"), "the value and nothing else")
	assert.Regexp(t, `^\{"group":"config","key":"theme","value":"dark","revision":1,"updated_at":"[^"]+Z"\}\n$`,
		shell.mustRun(t, "get", "acme", "config", "theme", "--json"))
}

func TestGet_Get_Bad(t *testing.T) {
	shell := newShell(t)
	for _, line := range [][]string{{"get", "acme", "config", "theme"}, {"get", "acme", "config", "theme", "--json"}} {
		output, err := shell.run(t, line...)
		require.ErrorIs(t, err, subjects.ErrNotFound)
		assert.Empty(t, output)
	}
}

func TestGet_Namespace_Bad(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	for _, line := range [][]string{{"get"}, {"exists"}, {"delete"}, {"touch"}} {
		words := []string{line[0], "nope", "config", "theme"}
		if line[0] == "touch" {
			words = append(words, "60s")
		}
		for _, format := range []string{"text", "json"} {
			status, output, errorOutput := runProgram(append(words, "-o", format)...)
			assert.Equal(t, exitNotFound, status)
			assert.NotContains(t, output, "max_keys", "the question is not printed")
			assert.Contains(t, errorOutput, "config/theme is not there: the namespace nope has no keys", line)
		}
		words[1], words[3] = "acme", "none"
		_, _, errorOutput := runProgram(words...)
		assert.NotContains(t, errorOutput, "has no keys")
	}
}
