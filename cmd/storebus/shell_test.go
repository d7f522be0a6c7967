// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// shell runs client commands in this process, against a sidecar of its own.
type shell struct {
	sidecar *storebus.Sidecar
	// input is the standard input of the next command.
	input string
}

// newShell starts a sidecar, and points STOREBUS_NATS at it.
func newShell(t *testing.T) *shell {
	t.Helper()
	isolate(t)
	sidecar := startSidecar(t, storebus.Config{Listen: "127.0.0.1:0"})
	t.Setenv("STOREBUS_NATS", sidecar.NATSURL())
	return &shell{sidecar: sidecar}
}

// isolate hides the variables and the NATS contexts of the person who runs the tests.
func isolate(t *testing.T) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("STOREBUS_NATS", "")
	for _, variable := range []string{"URL", "CONTEXT", "USER", "PASSWORD", "CREDS", "NKEY", "CERT", "KEY", "CA"} {
		t.Setenv("NATS_"+variable, "")
	}
	t.Setenv("STOREBUS_INBOX_PREFIX", "")
	t.Setenv("STOREBUS_PREFIX", "store")
	t.Setenv("STOREBUS_TIMEOUT", "5s")
}

func startSidecar(t *testing.T, config storebus.Config) *storebus.Sidecar {
	t.Helper()
	if config.DatabasePath == "" {
		config.DatabasePath = filepath.Join(t.TempDir(), "storebus.db")
	}
	config.Logger = slog.New(slog.DiscardHandler)
	sidecar, err := storebus.Start(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sidecar.Close()) })
	return sidecar
}

// run executes a command line and returns its output.
func (shell *shell) run(t *testing.T, arguments ...string) (output string, err error) {
	t.Helper()
	var written bytes.Buffer
	err = runShell(t.Context(), strings.NewReader(shell.input), &written, io.Discard, arguments...)
	return written.String(), err
}

// mustRun executes a command line that must succeed.
func (shell *shell) mustRun(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := shell.run(t, arguments...)
	require.NoError(t, err, "storebus %s", strings.Join(arguments, " "))
	return output
}

func runShell(ctx context.Context, input io.Reader, output, errors io.Writer, arguments ...string) error {
	root := rootCommand(func() {})
	root.Reader, root.Writer, root.ErrWriter = input, output, errors
	return root.Run(ctx, append([]string{"storebus"}, arguments...))
}

// newPrintingCall returns a call that has an output and nothing else.
func newPrintingCall(output io.Writer) *call {
	return &call{declared: &clientCommand{}, output: bufio.NewWriter(output)}
}
