// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

// Each subject is exported once: to all who may import it, and to nobody else.
func TestAccounts_Accounts_Good(t *testing.T) {
	accounts, err := handler.Accounts(subjects.Space{}, "acme", "other")
	require.NoError(t, err)
	sidecar, accounts := accounts[0], accounts[1:]
	assert.Equal(t, handler.SidecarAccount, sidecar.Name)
	assert.Contains(t, sidecar.Users[0].Publish, "_R_.>")
	assert.Empty(t, sidecar.Imports)
	exported := map[string]bool{}
	for _, export := range sidecar.Exports {
		assert.False(t, exported[export.Subject], export.Subject)
		exported[export.Subject] = true
		var importers []string
		for _, account := range accounts {
			if slices.Contains(account.Imports, handler.Import{Subject: export.Subject, Stream: export.Stream, Account: sidecar.Name}) {
				importers = append(importers, account.Name)
			}
		}
		assert.Equal(t, export.Accounts, importers, export.Subject)
	}
	for _, account := range accounts {
		require.Len(t, account.Users, 1)
		assert.Len(t, account.Imports, len(account.Users[0].Publish)+1, "its requests, and its events")
		assert.Empty(t, account.Exports)
	}
	users, err := handler.Users(subjects.Space{}, "acme")
	require.NoError(t, err)
	assert.NotContains(t, users[0].Publish, "_R_.>", "in one account the broker makes no reply subject")
}

func TestAccounts_Accounts_Bad(t *testing.T) {
	_, err := handler.Accounts(subjects.Space{}, "acme", "acme_consumer")
	assert.ErrorIs(t, err, subjects.ErrBadRequest)
}
