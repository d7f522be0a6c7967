// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package store_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestBackup_DiskFull_Ugly(t *testing.T) {
	if !inProcessOfItsOwn(t) {
		return
	}
	opened := openStore(t, store.StoreConfig{})
	for index := range 50 {
		require.NoError(t, opened.Set("acme:large", fmt.Sprint(index), strings.Repeat("x", 100_000)))
	}
	path := databasePath(t)
	lift := limitFileSizes(t, 1<<20)
	_, err := opened.Backup(path)
	lift()
	require.Error(t, err)
	assert.Empty(t, files(t, filepath.Dir(path)))
	setKeys(t, opened, "a")
	_, err = opened.Backup(path)
	require.NoError(t, err)
	requireValue(t, openStore(t, store.StoreConfig{DatabasePath: path}), "a", "value")
}
