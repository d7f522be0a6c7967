// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestSet_Set_Good(t *testing.T) {
	shell := newShell(t)

	t.Run("PrintsTheRevision", func(t *testing.T) {
		assert.Equal(t, "1\n", shell.mustRun(t, "set", "acme", "config", "theme", "dark"))
		assert.Equal(t, "2\n", shell.mustRun(t, "set", "acme", "config", "theme", "light", "--if-revision", "1"))
		assert.JSONEq(t, `{"revision":3,"created":false}`, shell.mustRun(t, "set", "acme", "config", "theme", "dark", "--json"))
	})
	t.Run("TakesFlagsAnywhere", func(t *testing.T) {
		for _, line := range [][]string{
			{"set", "acme", "config", "theme", "dark", "--ttl", "60s"},
			{"set", "--ttl", "60s", "acme", "config", "theme", "dark"},
			{"set", "acme", "--ttl=60s", "config", "theme", "dark", "--timeout", "1s"},
			{"set", "acme", "config", "-ttl", "60", "theme", "--prefix", "store", "dark"},
		} {
			shell.mustRun(t, "set", "acme", "config", "theme", "light")
			shell.mustRun(t, line...)
			assert.Equal(t, "dark", shell.mustRun(t, "get", "acme", "config", "theme"))
			assert.Contains(t, shell.mustRun(t, "get", "acme", "config", "theme", "--json"), `"expires_at"`)
		}
	})
	t.Run("TakesAnyValue", func(t *testing.T) {
		for _, test := range []struct {
			value string
			after []string
		}{
			{"", []string{""}},
			{"-5", []string{"-5", "--ttl", "60s"}},
			{"--", []string{"--ttl", "60s", "--", "--"}},
			{"--ttl", []string{"--", "--ttl"}},
			{" -x\n", []string{" -x\n"}},
			{"a\x00b", []string{"a\x00b"}},
			{"\xff", []string{"\xff"}},
		} {
			shell.mustRun(t, append([]string{"set", "acme", "config", "value"}, test.after...)...)
			assert.Equal(t, test.value, shell.mustRun(t, "get", "acme", "config", "value"))
		}
	})
	t.Run("TakesAnyName", func(t *testing.T) {
		for _, names := range [][]string{{"help", "h", "set"}, {"acme", "-1", "a.b *>"}, {"acme", " ", "\n"}} {
			shell.mustRun(t, append(append([]string{"set"}, names...), "x")...)
			assert.Equal(t, "x", shell.mustRun(t, append([]string{"get"}, names...)...))
		}
	})
	t.Run("ReadsStandardInput", func(t *testing.T) {
		shell.input = "line one\nline two \x00\xff\n"
		shell.mustRun(t, "set", "acme", "config", "text", "-")
		assert.Equal(t, shell.input, shell.mustRun(t, "get", "acme", "config", "text"))
	})
	t.Run("KeepsAnExpiry", func(t *testing.T) {
		shell.mustRun(t, "set", "acme", "config", "kept", "1", "--ttl", "1h")
		shell.mustRun(t, "set", "acme", "config", "kept", "2", "--ttl", "keep")
		assert.Contains(t, shell.mustRun(t, "get", "acme", "config", "kept", "--json"), `"expires_at"`)
		shell.mustRun(t, "set", "acme", "config", "kept", "3")
		assert.NotContains(t, shell.mustRun(t, "get", "acme", "config", "kept", "--json"), `"expires_at"`)
	})
}

func TestSet_Set_Bad(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")

	_, err := shell.run(t, "set", "acme", "config", "theme", "light", "--if-revision", "0")
	require.ErrorIs(t, err, subjects.ErrRevisionConflict)
	_, err = shell.run(t, "set", "events", "config", "theme", "light")
	require.ErrorIs(t, err, subjects.ErrBadRequest)
	assert.Equal(t, "dark", shell.mustRun(t, "get", "acme", "config", "theme"))
}

func TestSet_StandardInput_Ugly(t *testing.T) {
	newShell(t)
	broken := errors.New("input is gone")
	err := runShell(t.Context(), iotest.ErrReader(broken), io.Discard, io.Discard, "set", "acme", "config", "theme", "-")
	require.ErrorIs(t, err, broken)
	assert.ErrorContains(t, err, "read standard input")
}
