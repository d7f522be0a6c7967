// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package main

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWatchUnix_Signal_Ugly(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		watcher := startWatch(t, "acme", "--after", "0")
		watcher.line(t) // from here on it handles signals
		require.NoError(t, syscall.Kill(syscall.Getpid(), signal))
		assert.NoError(t, watcher.end(t))
	}
}
