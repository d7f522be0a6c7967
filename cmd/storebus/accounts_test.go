// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// printAccounts prints both forms for some namespaces.
func printAccounts(t *testing.T, namespaces ...string) (text string, accounts []brokerAccount) {
	t.Helper()
	isolate(t)
	shell := &shell{}
	arguments := append([]string{"permissions", "--accounts", "--"}, namespaces...)
	text = shell.mustRun(t, arguments...)
	output := shell.mustRun(t, append([]string{"permissions", "--json"}, arguments[1:]...)...)
	require.Equal(t, 1, strings.Count(output, "\n"), "on one line")
	require.NoError(t, json.Unmarshal([]byte(output), &accounts))
	return text, accounts
}

// startAccounts starts a broker with a configuration, and returns its accounts by name.
func startAccounts(t *testing.T, configuration string, accounts []brokerAccount) map[string]server.AccountInfo {
	t.Helper()
	var users []brokerUser
	for _, account := range accounts {
		users = append(users, account.Users...)
	}
	options, err := readConfiguration(t, configuration, users)
	require.NoError(t, err)
	options.Host, options.Port, options.NoSigs, options.NoLog = "127.0.0.1", server.RANDOM_PORT, true, true
	broker, err := server.NewServer(options)
	require.NoError(t, err)
	t.Cleanup(broker.Shutdown)
	made := map[string]server.AccountInfo{}
	for _, account := range accounts {
		status, err := broker.Accountz(&server.AccountzOptions{Account: account.Account})
		require.NoError(t, err, account.Account)
		made[account.Account] = *status.Account
	}
	return made
}

// The text and the JSON form share the same subjects between the same accounts.
func TestAccounts_JSON_Good(t *testing.T) {
	text, accounts := printAccounts(t, "acme", "other")
	made := startAccounts(t, text, accounts)
	require.Len(t, made, 5, "the sidecar, and two for each namespace")
	for _, account := range accounts {
		assert.NotEmpty(t, account.Purpose)
		var exports []brokerExport
		for _, export := range made[account.Account].Exports {
			slices.Sort(export.ApprovedAccounts)
			exported := brokerExport{Accounts: export.ApprovedAccounts}
			if export.IsStream() {
				exported.Stream = string(export.Subject)
			} else {
				exported.Service = string(export.Subject)
			}
			exports = append(exports, exported)
		}
		assert.ElementsMatch(t, account.Exports, exports, account.Account)
		var imports []brokerImport
		for _, imported := range made[account.Account].Imports {
			assert.False(t, imported.Invalid, "%s imports %s", account.Account, imported.Subject)
			subject := &importedSubject{Account: imported.Account, Subject: string(imported.Subject)}
			if imported.IsStream() {
				imports = append(imports, brokerImport{Stream: subject})
			} else {
				imports = append(imports, brokerImport{Service: subject})
			}
		}
		assert.ElementsMatch(t, account.Imports, imports, account.Account)
	}
	t.Run("UnderAnotherPrefix", func(t *testing.T) {
		output := (&shell{}).mustRun(t, "permissions", "acme", "--accounts", "--prefix", "berlin")
		assert.Contains(t, output, `{ service: "berlin.acme.>", accounts: ["acme"] }`)
		assert.NotContains(t, output, `"store.`)
	})
}

// A namespace is quoted if it looks like a number, a boolean, a flag or one of the
// sidecar's names.
func TestAccounts_Print_Ugly(t *testing.T) {
	namespaces := []string{"0", "1e3", "10k", "true", "-x", "ACME", "acme", "storebus", "SYS", "storebus-sidecar"}
	text, accounts := printAccounts(t, namespaces...)
	made := startAccounts(t, text, accounts)
	assert.Len(t, made, 1+2*len(namespaces))
	for _, namespace := range namespaces {
		assert.Len(t, made[namespace].Imports, 2)
	}
}

func TestAccounts_Print_Bad(t *testing.T) {
	isolate(t)
	output, err := (&shell{}).run(t, "permissions", "--accounts", "acme", "admin")
	require.ErrorIs(t, err, errUsage)
	require.ErrorContains(t, err, `"admin" is reserved`)
	assert.Empty(t, output)
}
