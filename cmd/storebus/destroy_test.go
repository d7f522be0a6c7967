// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/subjects"
)

// destroyer is a destructive command line, the loss it announces, and a check of its
// effect.
type destroyer struct {
	line         []string
	would, json  string
	look         []string
	before, then string
}

// newDestroyers starts a sidecar with data to destroy.
func newDestroyers(t *testing.T) (*shell, map[string]destroyer) {
	t.Helper()
	isolate(t)
	sidecar := startSidecar(t, storebus.Config{Listen: "127.0.0.1:0", ArchiveDirectory: filepath.Join(t.TempDir(), "archive")})
	t.Setenv("STOREBUS_NATS", sidecar.NATSURL())
	shell := &shell{sidecar: sidecar}
	for _, place := range [][]string{{"user:1", "a"}, {"user:1", "b"}, {"user:2", "a"}, {"other", "a"}} {
		shell.mustRun(t, "set", "acme", place[0], place[1], "v")
	}
	shell.mustRun(t, "workspace", "open", "acme", "import")
	shell.mustRun(t, "workspace", "put", "acme", "import", "row", `{"a":1}`)
	commitPoint(t, sidecar)
	before := time.Now().UTC().Format(time.RFC3339Nano)
	return shell, map[string]destroyer{
		"DeleteGroup": {
			[]string{"delete-group", "acme", "user:1"}, "remove 2 keys of the group user:1 of acme",
			`{"would":"remove 2 keys of the group user:1 of acme","keys":2}`, []string{"count", "acme", "user:1"}, "2\n", "0\n",
		},
		"DeletePrefix": {
			[]string{"delete-prefix", "acme", "user:"}, "remove 3 keys in 2 groups of acme whose names begin with user:",
			`{"would":"remove 3 keys in 2 groups of acme whose names begin with user:","keys":3,"groups":2}`,
			[]string{"count", "acme", "--group-prefix", "user:"}, "3\n", "0\n",
		},
		"DeleteEverything": {
			[]string{"delete-prefix", "acme", ""}, "remove 4 keys in 3 groups of acme, the whole namespace",
			`{"would":"remove 4 keys in 3 groups of acme, the whole namespace","keys":4,"groups":3}`, []string{"count", "acme"}, "4\n", "0\n",
		},
		"WorkspaceDiscard": {
			[]string{"workspace", "discard", "acme", "import"}, "throw away the workspace import of acme with 1 entry",
			`{"would":"throw away the workspace import of acme with 1 entry","entries":1}`,
			[]string{"workspace", "query", "acme", "import", "SELECT count(*) FROM entries"}, "1\n", "",
		},
		"Compact": {
			[]string{"compact", "--before", before}, "move the journal entries of all namespaces that were committed before " + before + " and wait for nothing into an archive",
			`{"would":"move the journal entries of all namespaces that were committed before ` + before + ` and wait for nothing into an archive"}`, nil, "", "",
		},
	}
}

func TestDestroy_Force_Good(t *testing.T) {
	for _, name := range []string{"DeleteGroup", "DeletePrefix", "DeleteEverything", "WorkspaceDiscard", "Compact"} {
		t.Run(name, func(t *testing.T) {
			shell, destroyers := newDestroyers(t)
			test := destroyers[name]
			shell.mustRun(t, append(test.line, "--force")...)
			if test.look != nil {
				output, _ := shell.run(t, test.look...)
				assert.Equal(t, test.then, output)
			}
		})
	}
}

func TestDestroy_DryRun_Good(t *testing.T) {
	shell, destroyers := newDestroyers(t)
	for name, test := range destroyers {
		assert.Equal(t, test.would+"\n", shell.mustRun(t, append(test.line, "--dry-run")...), name)
		assert.JSONEq(t, test.json, shell.mustRun(t, append(test.line, "--dry-run", "--force", "--json")...), name)
		if test.look != nil {
			assert.Equal(t, test.before, shell.mustRun(t, test.look...), name)
		}
	}
}

func TestDestroy_NobodyToAsk_Bad(t *testing.T) {
	shell, destroyers := newDestroyers(t)
	shell.input = "y\n"
	for name, test := range destroyers {
		for _, line := range [][]string{test.line, append(test.line, "--json")} {
			output, err := shell.run(t, line...)
			require.ErrorIs(t, err, errUsage, name)
			require.ErrorContains(t, err, "this would "+test.would+": give --force", name)
			assert.Empty(t, output)
		}
		if test.look != nil {
			assert.Equal(t, test.before, shell.mustRun(t, test.look...), name)
		}
	}
}

func TestDestroy_Nothing_Good(t *testing.T) {
	shell := newShell(t)
	assert.Equal(t, "0\n", shell.mustRun(t, "delete-group", "acme", "none"))
	assert.Equal(t, `{"groups":0,"deleted":0,"revision":0}`+"\n", shell.mustRun(t, "delete-prefix", "acme", "", "--json"))
	_, err := shell.run(t, "workspace", "discard", "acme", "none")
	assert.ErrorIs(t, err, subjects.ErrNotFound)
}

func TestDestroy_Find_Bad(t *testing.T) {
	shell, _ := newScriptedShell(t, "store.>", refusal("503", `{"error":{"code":503,"name":"unavailable","message":"no"}}`))
	for _, line := range [][]string{{"delete-group", "acme", "g"}, {"delete-prefix", "acme", "g"}, {"workspace", "discard", "acme", "w"}} {
		_, err := shell.run(t, line...)
		assert.ErrorIs(t, err, subjects.ErrUnavailable)
	}
}

func TestDestroy_Counted_Good(t *testing.T) {
	assert.Equal(t, "0 keys", counted(0, "key"))
	assert.Equal(t, "1 key", counted(1, "key"))
	assert.Equal(t, "2 entries", entryCount(2))
}
