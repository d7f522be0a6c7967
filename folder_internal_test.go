// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFolder_CreateFolder_Good(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		require.NoError(t, createFolder(path))
		information, err := os.Stat(path)
		require.NoError(t, err)
		assert.True(t, information.IsDir())
		assert.Equal(t, os.FileMode(0o700), information.Mode().Perm())
	}
}

func TestFolder_CreateFolder_Bad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	assert.ErrorContains(t, createFolder(filepath.Join(file, "folder")), file)
}
