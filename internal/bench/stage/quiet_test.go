// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestQuiet_SyncFiles_Good(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "a", "b"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a", "b", "file"), []byte("x"), 0o600))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(folder, "link")))
	assert.NoError(t, syncFiles(folder))
	assert.NoError(t, syncFiles(filepath.Join(folder, "missing")))
}

func TestQuiet_Checkpointed_Good(t *testing.T) {
	stage := &Stage{directory: t.TempDir(), sidecars: map[target]*sidecar{targetSidecar: nil}}
	assert.True(t, stage.checkpointed(), "there is no log")
	log := stage.databasePath(targetSidecar) + "-wal"
	require.NoError(t, os.MkdirAll(filepath.Dir(log), 0o700))
	require.NoError(t, os.WriteFile(log, []byte("frames"), 0o600))
	assert.False(t, stage.checkpointed())
	require.NoError(t, os.Truncate(log, 0))
	assert.True(t, stage.checkpointed())
	assert.NoError(t, stage.AwaitCheckpoints(t.Context()))
}

func TestFsync_MeasureFsync_Good(t *testing.T) {
	folder := t.TempDir()
	taken, err := measureFsync(folder)
	require.NoError(t, err)
	assert.Positive(t, taken)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestFsync_MeasureFsync_Bad(t *testing.T) {
	_, err := measureFsync(filepath.Join(t.TempDir(), "missing"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}
