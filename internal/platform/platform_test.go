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
