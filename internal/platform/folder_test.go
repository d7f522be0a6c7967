// SPDX-License-Identifier: EUPL-1.2

package platform_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/platform"
)

func TestFolder_CreateFolder_Good(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		require.NoError(t, platform.CreateFolder(path))
		information, err := os.Stat(path)
		require.NoError(t, err)
		assert.True(t, information.IsDir())
		assert.Equal(t, os.FileMode(0o700), information.Mode().Perm())
	}
}

func TestFolder_CreateFolder_Bad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	assert.ErrorContains(t, platform.CreateFolder(filepath.Join(file, "folder")), file)
}
