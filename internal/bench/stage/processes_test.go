// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/benchtest"
)

// newLauncher starts parts of the real program. It returns the context that ends if a part
// ends by itself.
func newLauncher(t *testing.T) (*launcher, context.Context) {
	t.Helper()
	ctx, fail := context.WithCancelCause(t.Context())
	launcher := &launcher{program: benchtest.Binary(t), directory: t.TempDir(), fail: fail}
	t.Cleanup(func() { assert.NoError(t, launcher.stop()) })
	return launcher, ctx
}

func TestProcesses_Launch_Good(t *testing.T) {
	t.Setenv("STOREBUS_DATABASE", "/nowhere/at/all")
	launcher, ctx := newLauncher(t)
	t.Chdir(t.TempDir()) // a sidecar creates its folders there
	broker, err := launcher.launch(ctx, "broker", "", brokerCommand, "--", t.TempDir(), "false")
	require.NoError(t, err)
	require.Contains(t, broker.url(), "nats://127.0.0.1:")
	require.NotEmpty(t, broker.url(), "it can be asked again")
	_, err = launcher.launch(ctx, "echo", broker.url(), echoCommand, "--", "floor")
	require.NoError(t, err)
	_, err = launcher.launch(ctx, "sidecar", broker.url(), "serve", "--database", ":memory:")
	require.NoError(t, err, "what is configured here is not for the parts")
	require.NoError(t, launcher.stop())
	assert.NoError(t, ctx.Err(), "they were told to end")
}

func TestProcesses_Kill_Good(t *testing.T) {
	launcher, ctx := newLauncher(t)
	broker, err := launcher.launch(ctx, "broker", "", brokerCommand, "--", t.TempDir(), "false")
	require.NoError(t, err)
	broker.kill()
	assert.Equal(t, "signal: killed", broker.command.ProcessState.String())
	require.NoError(t, ctx.Err(), "it was told to end")
	assert.NoError(t, launcher.stop(), "it may be gone")
}

func TestProcesses_Launch_Bad(t *testing.T) {
	t.Run("WhatCannotStartSaysWhy", func(t *testing.T) {
		launcher, ctx := newLauncher(t)
		_, err := launcher.launch(ctx, "echo", "nats://127.0.0.1:1", echoCommand, "floor")
		require.ErrorIs(t, err, errEnded)
		assert.ErrorContains(t, err, "echo: it ended by itself: exit status 1: storebus: nats: no servers available")
	})
	t.Run("NoProgram", func(t *testing.T) {
		launcher, ctx := newLauncher(t)
		launcher.program = t.TempDir()
		_, err := launcher.launch(ctx, "echo", "", echoCommand, "floor")
		assert.ErrorIs(t, err, os.ErrPermission)
	})
	t.Run("NoFolder", func(t *testing.T) {
		launcher, ctx := newLauncher(t)
		launcher.directory = "/nowhere/at/all"
		_, err := launcher.launch(ctx, "echo", "", echoCommand, "floor")
		assert.ErrorIs(t, err, os.ErrNotExist)
	})
}

func TestProcesses_Launch_Ugly(t *testing.T) {
	launcher, ctx := newLauncher(t)
	broker, err := launcher.launch(ctx, "broker", "", brokerCommand, "--", t.TempDir(), "false")
	require.NoError(t, err)
	require.NoError(t, broker.command.Process.Kill())
	<-ctx.Done()
	require.ErrorIs(t, context.Cause(ctx), errEnded)
	assert.ErrorContains(t, context.Cause(ctx), "broker: it ended by itself: signal: killed")
}

func TestProcesses_ChildEnvironment_Good(t *testing.T) {
	environment := []string{"PATH=/bin", "STOREBUS_DATABASE=x", "NATS_URL=y", "HOME=/root"}
	assert.Equal(t, []string{"PATH=/bin", "HOME=/root"}, childEnvironment(environment, ""))
	assert.Equal(t, []string{"PATH=/bin", "HOME=/root", "STOREBUS_NATS=nats://a"}, childEnvironment(environment, "nats://a"))
}
