// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package platform_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/internal/platform"
)

func TestPlatformUnix_IsDiskFull_Good(t *testing.T) {
	for _, number := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		assert.True(t, platform.IsDiskFull(&os.PathError{Op: "write", Path: "a", Err: number}), number)
	}
}

func TestPlatformUnix_IsDiskFull_Bad(t *testing.T) {
	for _, err := range []error{nil, os.ErrNotExist, syscall.EIO} {
		assert.False(t, platform.IsDiskFull(err), err)
	}
}

func TestPlatformUnix_HasTooManyFiles_Good(t *testing.T) {
	for _, number := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		assert.True(t, platform.HasTooManyFiles(&os.PathError{Op: "open", Path: "a", Err: number}), number)
	}
}

func TestPlatformUnix_HasTooManyFiles_Bad(t *testing.T) {
	for _, err := range []error{nil, os.ErrNotExist, syscall.EIO} {
		assert.False(t, platform.HasTooManyFiles(err), err)
	}
}
