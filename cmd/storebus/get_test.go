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
