// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestDelete_Delete_Good(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	assert.Equal(t, "2\n", shell.mustRun(t, "delete", "acme", "config", "theme", "--if-revision", "1"))
	_, err := shell.run(t, "get", "acme", "config", "theme")
	require.ErrorIs(t, err, subjects.ErrNotFound)

	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	assert.JSONEq(t, `{"deleted":true,"revision":4}`, shell.mustRun(t, "delete", "acme", "config", "theme", "--json"))
}

func TestDelete_Delete_Bad(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")

	t.Run("AMissingKeyIsNotFound", func(t *testing.T) {
		output, err := shell.run(t, "delete", "acme", "config", "missing")
		require.ErrorIs(t, err, subjects.ErrNotFound)
		assert.Empty(t, output)
		output, err = shell.run(t, "delete", "acme", "config", "missing", "--json")
		require.ErrorIs(t, err, subjects.ErrNotFound)
		assert.JSONEq(t, `{"deleted":false,"revision":1}`, output)
	})
	t.Run("AnotherRevisionIsAConflict", func(t *testing.T) {
		_, err := shell.run(t, "delete", "acme", "config", "theme", "--if-revision", "9")
		require.ErrorIs(t, err, subjects.ErrRevisionConflict)
		assert.Equal(t, "dark", shell.mustRun(t, "get", "acme", "config", "theme"))
	})
}
