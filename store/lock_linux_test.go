// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"dappco.re/go/storebus/store"
)

// A child process has every file of its parent open until it runs its own program. So a store that was
// closed meanwhile can be opened at once.
func TestLock_Close_UglyWhileAChildBegins(t *testing.T) {
	path := databasePath(t)
	opened := openStore(t, store.StoreConfig{DatabasePath: path})
	descriptors, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	held := 0
	for _, descriptor := range descriptors {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", descriptor.Name()))
		if err != nil || target != path && target != path+".lock" {
			continue
		}
		var number int
		_, err = fmt.Sscan(descriptor.Name(), &number)
		require.NoError(t, err)
		duplicate, err := unix.Dup(number)
		require.NoError(t, err)
		t.Cleanup(func() { _ = unix.Close(duplicate) })
		held++
	}
	require.GreaterOrEqual(t, held, 2, "the lock file and the database")
	require.NoError(t, opened.Close())
	openStore(t, store.StoreConfig{DatabasePath: path})
}
