// SPDX-License-Identifier: EUPL-1.2

package platform_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/platform"
)

func TestPlatform_SyncFolder_Good(t *testing.T) {
	assert.NoError(t, platform.SyncFolder(t.TempDir()))
}

func TestPlatform_SyncFolder_Bad(t *testing.T) {
	assert.ErrorIs(t, platform.SyncFolder(filepath.Join(t.TempDir(), "missing")), os.ErrNotExist)
}

func TestPlatform_IsAddressInUse_Good(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, err = net.Listen("tcp", listener.Addr().String())
	assert.True(t, platform.IsAddressInUse(err), err)
}

func TestPlatform_IsAddressInUse_Bad(t *testing.T) {
	_, err := net.Listen("tcp", "192.0.2.1:0") // no machine has this address
	require.Error(t, err)
	assert.False(t, platform.IsAddressInUse(err), err)
	assert.False(t, platform.IsAddressInUse(nil))
}

func TestPlatform_DiskFree_Good(t *testing.T) {
	free, err := platform.DiskFree(t.TempDir())
	require.NoError(t, err)
	assert.Positive(t, free)
}

func TestPlatform_DiskFree_Bad(t *testing.T) {
	_, err := platform.DiskFree(filepath.Join(t.TempDir(), "missing"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestPlatform_DiskSize_Good(t *testing.T) {
	size, err := platform.DiskSize(t.TempDir())
	require.NoError(t, err)
	free, err := platform.DiskFree(t.TempDir())
	require.NoError(t, err)
	assert.GreaterOrEqual(t, size, free)
}

func TestPlatform_DiskSize_Bad(t *testing.T) {
	_, err := platform.DiskSize(filepath.Join(t.TempDir(), "missing"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestPlatform_Allocate_Good(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	for _, size := range []int64{100_000, 300_000} {
		require.NoError(t, platform.Allocate(file, size))
		information, err := file.Stat()
		require.NoError(t, err)
		assert.Equal(t, size, information.Size())
	}
}

func TestPlatform_Allocate_Bad(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	assert.Error(t, platform.Allocate(file, 1))
}

func TestPlatform_SameDisk_Good(t *testing.T) {
	assert.True(t, platform.SameDisk(t.TempDir(), t.TempDir()))
}

func TestPlatform_SameDisk_Bad(t *testing.T) {
	assert.False(t, platform.SameDisk(t.TempDir(), ""))
}
