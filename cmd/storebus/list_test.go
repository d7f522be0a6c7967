// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

func TestList_List_Good(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	shell.mustRun(t, "set", "acme", "config", "text", "two\nlines")
	shell.mustRun(t, "set", "acme", "config", "a\tb", "")

	t.Run("PrintsKeysAndValues", func(t *testing.T) {
		assert.Equal(t, "\"a\\tb\"\t\ntext\t\"two\\nlines\"\ntheme\tdark\n", shell.mustRun(t, "list", "acme", "config"))
	})
	t.Run("PrintsAsAsked", func(t *testing.T) {
		assert.Equal(t, "theme\ntext\n",
			shell.mustRun(t, "list", "acme", "config", "--key-prefix", "t", "--keys-only", "--descending"))
		assert.Equal(t, "\"a\\tb\"\t\ntext\t\"two\\nlines\"\n", shell.mustRun(t, "list", "acme", "config", "--limit", "2"))
	})
	t.Run("PrintsTheReplies", func(t *testing.T) {
		output := shell.mustRun(t, "list", "acme", "config", "--keys-only", "--json")
		assert.Equal(t, 1, strings.Count(output, "\n"))
		var page subjects.ListReply
		require.NoError(t, json.Unmarshal([]byte(output), &page))
		assert.Len(t, page.Entries, 3)
		assert.Equal(t, shell.sidecar.StoreID(), page.Store)
	})
	t.Run("PrintsNothingOfAnEmptyGroup", func(t *testing.T) {
		assert.Empty(t, shell.mustRun(t, "list", "acme", "nothing"))
	})
}

func TestList_Pages_Good(t *testing.T) {
	const count = 1234
	shell := newShell(t)
	connection, err := nats.Connect(shell.sidecar.NATSURL())
	require.NoError(t, err)
	defer connection.Close()
	for index := range count {
		body := fmt.Sprintf(`{"group":"many","key":"k%04d","value":"v"}`, index)
		require.NoError(t, connection.Publish("store.acme.set", []byte(body)))
	}
	store, err := client.New(connection, client.Config{})
	require.NoError(t, err)
	// Requests of one verb are executed in the order sent.
	_, err = store.Set(t.Context(), "acme", "other", "last", nil, client.SetOptions{})
	require.NoError(t, err)

	assert.Equal(t, count, strings.Count(shell.mustRun(t, "list", "acme", "many"), "\n"))
	limited := shell.mustRun(t, "list", "acme", "many", "--limit", "1100", "--keys-only")
	assert.Equal(t, 1100, strings.Count(limited, "\n"))
	assert.True(t, strings.HasSuffix(limited, "\nk1099\n"))
	pages := shell.mustRun(t, "list", "acme", "many", "--limit", "1100", "--json")
	assert.Equal(t, 2, strings.Count(pages, "\n"))
	assert.Equal(t, 1100, strings.Count(pages, `"key"`))
}

func TestList_List_Bad(t *testing.T) {
	_, err := newShell(t).run(t, "list", "acme", "")
	assert.ErrorIs(t, err, subjects.ErrBadRequest)
}
