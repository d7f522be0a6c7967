// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package embedded_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startWithFewFiles starts a sidecar that may have 40 descriptors open at once.
func startWithFewFiles(t *testing.T, url, folder string) *process {
	t.Helper()
	started := startProcess(t, "/bin/sh", nil, "-c", `ulimit -n 40; exec "$0" "$@"`, storebusBinary(t), "serve", "--nats", url, "--http", "",
		"--database", filepath.Join(folder, "storebus.db"), "--state-directory", filepath.Join(folder, "state"),
		"--backup-directory", filepath.Join(folder, "backup"), "--archive-directory", filepath.Join(folder, "archive"))
	started.line(t, readyLine)
	return started
}

// callTogether makes requests of the namespace at once, and returns their answers in any order.
func (tenant *tenant) callTogether(t *testing.T, verb string, bodies []string) (answers []answer) {
	t.Helper()
	inbox := nats.NewInbox()
	replies := subscribe(t, tenant.connection, inbox)
	for _, body := range bodies {
		require.NoError(t, tenant.connection.PublishRequest("store."+tenant.namespace+"."+verb, inbox, []byte(body)))
	}
	for range bodies {
		answers = append(answers, answer{receive(t, replies)})
	}
	return answers
}

// requireOrUnavailable asserts that each answer is a success or 503, and returns the successes.
func requireOrUnavailable(t *testing.T, answers []answer) (succeeded int) {
	t.Helper()
	for _, got := range answers {
		if got.Header.Get(headerErrorCode) == "" {
			succeeded++
			continue
		}
		requireFailure(t, got, 503, "unavailable")
	}
	return succeeded
}

// If a process may open few files, those that nobody uses are closed for needed ones. A request that
// gets none gets 503.
func TestDescriptors_Workspaces_Ugly(t *testing.T) {
	t.Parallel()
	outside, folder := startBroker(t, "127.0.0.1:0"), resolvedFolder(t)
	sidecar := startWithFewFiles(t, outside.URL(), folder)
	acme := newTenant(t, outside.URL(), "acme")
	other := acme.in("other")
	const workspaces = 10 // three descriptors each
	var puts, queries []string
	for index := range workspaces {
		name := fmt.Sprintf("job%d", index)
		puts = append(puts, object(t, "workspace", name, "kind", "k", "data", 1))
		queries = append(queries, object(t, "workspace", name, "sql", "SELECT count(*) FROM entries"))
		for _, tenant := range []*tenant{acme, other} {
			requireFirst(t, tenant.call(t, "workspace_open", object(t, "workspace", name)))
			requireFirst(t, tenant.call(t, "workspace_put", puts[index]))
		}
	}
	backups := 0
	backup := func() {
		backups++
		requireFirst(t, acme.in("admin").call(t, "backup", fmt.Sprintf(`{"file":"%d.db"}`, backups)))
	}
	backup()
	for index := range workspaces {
		requireFirst(t, acme.call(t, "workspace_query", queries[index]))
	}
	backup()
	t.Run("AllAtOnce", func(t *testing.T) {
		for range 3 {
			assert.Positive(t, requireOrUnavailable(t, acme.callTogether(t, "workspace_put", puts)))
			assert.Positive(t, requireOrUnavailable(t, other.callTogether(t, "workspace_query", queries)))
			assert.Positive(t, requireOrUnavailable(t, acme.callTogether(t, "workspace_query", queries)))
		}
		requireOrUnavailable(t, []answer{acme.in("admin").call(t, "compact", `{"before":"2020-01-01T00:00:00Z"}`)})
	})
	assert.NotContains(t, sidecar.errors.String(), "request failed")
	sidecar.kill(t)

	sidecar = startWithFewFiles(t, outside.URL(), folder)
	for index := range workspaces {
		requireFirst(t, acme.call(t, "workspace_query", queries[index]))
		requireFirst(t, acme.call(t, "workspace_put", puts[index]))
	}
	assert.Len(t, other.workspaces(t), workspaces)
	requireFirst(t, acme.call(t, "workspace_commit", `{"workspace":"job0"}`))
	requireFirst(t, acme.call(t, "workspace_discard", `{"workspace":"job1"}`))
	requireFirst(t, acme.in("admin").call(t, "backup", `{"file":"last.db"}`))
	assert.NotContains(t, sidecar.errors.String(), "request failed")
	assert.Zero(t, sidecar.terminate(t))
}
