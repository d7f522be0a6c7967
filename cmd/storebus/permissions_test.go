// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const printedForAcme = `authorization {
  users = [
    # the sidecar's connection for requests, with inboxes _INBOX_store.storebus_requests
    { user: "storebus_requests", password: $storebus_requests_password, permissions: {
        publish: ["_INBOX_store.>", "_INBOX.>", "$SRV.INFO.storebus"]
        subscribe: ["_INBOX_store.storebus_requests.>", "store.*.* storebus", "store.*.*.*.* storebus", "$SRV.>"] } }
    # the sidecar's connection for events
    { user: "storebus_events", password: $storebus_events_password, permissions: {
        publish: ["store.events.>"]
        subscribe: { deny: ">" } } }
    # an operator, with inboxes _INBOX_store.storebus_operator
    { user: "storebus_operator", password: $storebus_operator_password, permissions: {
        publish: ["store.admin.>", "$SRV.>"]
        subscribe: ["_INBOX_store.storebus_operator.>"] } }
    # the tenant acme, with inboxes _INBOX_store.acme
    { user: "acme", password: $acme_password, permissions: {
        publish: ["store.acme.>"]
        subscribe: ["_INBOX_store.acme.>", "store.events.acme.>"] } }
    # a consumer of acme, with inboxes _INBOX_store.acme_consumer
    { user: "acme_consumer", password: $acme_consumer_password, permissions: {
        publish: ["store.acme.changes", "store.acme.scan", "store.acme.get"]
        subscribe: ["_INBOX_store.acme_consumer.>", "store.events.acme.>"] } }
  ]
}
`

func TestPermissions_Print_Good(t *testing.T) {
	isolate(t)
	shell := &shell{}
	t.Run("NeedsNoSidecar", func(t *testing.T) {
		t.Setenv("STOREBUS_NATS", nowhere)
		assert.Equal(t, printedForAcme, shell.mustRun(t, "permissions", "acme"))
	})
	t.Run("OfAnotherPrefix", func(t *testing.T) {
		byFlag := shell.mustRun(t, "permissions", "acme", "--prefix", "berlin")
		assert.Contains(t, byFlag, `publish: ["berlin.acme.>"]`)
		t.Setenv("STOREBUS_PREFIX", "berlin")
		assert.Equal(t, byFlag, shell.mustRun(t, "permissions", "acme"))
	})
	t.Run("Help", func(t *testing.T) {
		help := shell.mustRun(t, "permissions", "--help")
		assert.Contains(t, help, "EXAMPLE:\n   storebus permissions acme")
		assert.NotContains(t, help, "--nats")
	})
}

// A namespace is quoted if it looks like a number, a boolean or a flag.
func TestPermissions_Print_Ugly(t *testing.T) {
	isolate(t)
	namespaces := []string{"0", "1e3", "10k", "true", "-x", "ACME"}
	printed := (&shell{}).mustRun(t, append([]string{"permissions", "--"}, namespaces...)...)
	_, err := readConfiguration(t, printed, nil)
	require.ErrorContains(t, err, "storebus_requests_password", "no server starts without passwords")
	options, err := readConfiguration(t, printed, readUsers(t, append([]string{"--"}, namespaces...)...))
	require.NoError(t, err)
	var names []string
	for _, user := range options.Users {
		names = append(names, user.Username)
	}
	assert.Subset(t, names, namespaces)
	assert.Len(t, names, 3+2*len(namespaces))
}

// readUsers reads the output of --json.
func readUsers(t *testing.T, arguments ...string) (users []brokerUser) {
	t.Helper()
	output := (&shell{}).mustRun(t, append([]string{"permissions", "--json"}, arguments...)...)
	require.Equal(t, 1, strings.Count(output, "\n"), "on one line")
	require.NoError(t, json.Unmarshal([]byte(output), &users))
	return users
}

// readConfiguration reads a configuration as a NATS server does, with a password for each
// user.
func readConfiguration(t *testing.T, configuration string, users []brokerUser) (*server.Options, error) {
	t.Helper()
	for _, user := range users {
		configuration = user.User + "_password: \"secret\"\n" + configuration
	}
	path := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(path, []byte(configuration), 0o600))
	return server.ProcessConfigFile(path)
}

// The text and the JSON form grant the same permissions.
func TestPermissions_JSON_Good(t *testing.T) {
	isolate(t)
	users := readUsers(t, "acme")
	options, err := readConfiguration(t, printedForAcme, users)
	require.NoError(t, err)
	require.Len(t, options.Users, len(users))
	for index, configured := range options.Users {
		user := users[index]
		assert.Equal(t, configured.Username, user.User)
		assert.NotEmpty(t, user.Purpose)
		assert.Equal(t, server.SubjectPermission(user.Permissions.Publish), *configured.Permissions.Publish)
		assert.Equal(t, server.SubjectPermission(user.Permissions.Subscribe), *configured.Permissions.Subscribe)
		assert.Nil(t, configured.Permissions.Response)
	}
}

func TestPermissions_Print_Bad(t *testing.T) {
	isolate(t)
	shell := &shell{}
	for text, arguments := range map[string][]string{
		"it takes NAMESPACE..., and was given []": {},
		`"admin" is reserved`:                     {"acme", "admin"},
		"letters a to z":                          {"acme.config"},
		`prefix "a..b"`:                           {"acme", "--prefix", "a..b"},
		"there is no flag --nats":                 {"acme", "--nats", nowhere},
	} {
		output, err := shell.run(t, append([]string{"permissions"}, arguments...)...)
		require.ErrorIs(t, err, errUsage)
		require.ErrorContains(t, err, text)
		assert.Empty(t, output)
	}
}
