// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// meaningful are names that mean something beside another database.
var meaningful = []string{
	"ok.db-wal", "ok.db-shm", "ok.db-journal", "-wal", "ok.db-mj0123abcd9", "ok.db.lock", "x.partial", "ok.db.12.partial",
	"ok.db.workspaces", "0123.workspace", "x.duckdb", "x.jsonl.gz", "x.jsonl.zst",
}

func TestFilename_CheckFileName_Good(t *testing.T) {
	for _, name := range []string{"monday.db", "what? #1%.db", "a-wal.db", "wal", "partial", "lock.db", "com10", "common.db", "nul_", "mj012345678"} {
		require.NoError(t, store.CheckFileName(name), name)
	}
}

func TestFilename_CheckFileName_Bad(t *testing.T) {
	for _, name := range append([]string{"nul", "con.db", "COM1", "lpt9.a.db", "aux", "prn", "quarantine", "Imported"}, meaningful...) {
		for _, spelling := range []string{name, strings.ToUpper(name)} {
			err := store.CheckFileName(spelling)
			require.ErrorIs(t, err, store.ErrInvalidName, spelling)
			require.ErrorContains(t, err, "monday.db", "it says what would be right")
		}
	}
}

// Wherever a caller names a file, none is made that another database would take for a
// part of itself.
func TestFilename_Callers_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	folder := t.TempDir()
	for _, name := range meaningful {
		_, err := opened.Backup(filepath.Join(folder, name))
		require.ErrorIs(t, err, store.ErrInvalidName, name)
		_, err = store.NewConfigured(store.StoreConfig{DatabasePath: filepath.Join(folder, name)})
		require.ErrorIs(t, err, store.ErrInvalidName, name)
	}
	assert.Empty(t, files(t, folder))
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "left.db"+suffix), []byte("another's"), 0o600))
		_, err := opened.Backup(filepath.Join(folder, "left.db"))
		require.ErrorIs(t, err, fs.ErrExist)
		require.NoError(t, os.Remove(filepath.Join(folder, "left.db"+suffix)))
	}
	_, err := opened.Backup(filepath.Join(folder, "left.db"))
	require.NoError(t, err)
}
