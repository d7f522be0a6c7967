// SPDX-License-Identifier: EUPL-1.2

package workspacefile

import (
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/failure"
)

func TestFile_Failure_Bad(t *testing.T) {
	for _, number := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		err := Failure(&fs.PathError{Op: "open", Path: "/var/lib/state/a.partial", Err: number})
		require.ErrorIs(t, err, failure.ErrUnavailable)
		assert.NotContains(t, err.Error(), "/var/lib")
	}
	assert.Equal(t, os.ErrPermission, Failure(os.ErrPermission))
}
