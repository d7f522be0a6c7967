// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

func TestWorkspaces_Put_Bad(t *testing.T) {
	store, err := client.New(connect(t, startBroker(t, server.Options{}).ClientURL()), client.Config{})
	require.NoError(t, err)
	for text, data := range map[string]any{
		`data is no JSON: "foo"; a text stands in double quotes`: jsontext.Value("foo"),
		`data is no JSON: ""`:            jsontext.Value(""),
		"data cannot be encoded as JSON": func() {},
	} {
		_, err := store.WorkspacePut(t.Context(), "acme", "import", "row", data, client.WorkspaceOptions{})
		require.ErrorIs(t, err, subjects.ErrBadRequest)
		require.ErrorContains(t, err, text)
		assert.NotContains(t, err.Error(), "jsontext.Value")
	}
}
