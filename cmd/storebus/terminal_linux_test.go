// SPDX-License-Identifier: EUPL-1.2

//go:build linux

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// openTerminalPair opens a terminal: what a program writes to it or reads from it, and
// the screen and the keyboard at the other end.
func openTerminalPair(t *testing.T) (terminal, screen *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = screen.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = terminal.Close() })
	return terminal, screen
}

func TestText_IsTerminal_Good_OfATerminal(t *testing.T) {
	terminal, _ := openTerminalPair(t)
	assert.True(t, isTerminal(terminal))
}

func TestOutput_Default_Good_OnATerminal(t *testing.T) {
	_, _ = newScriptedShell(t, "store.admin.namespaces", body(`{"namespaces":[{"namespace":"acme","revision":1,"keys":2,"groups":3,"bytes":2048}]}`))
	terminal, screen := openTerminalPair(t)
	require.NoError(t, runShell(t.Context(), strings.NewReader(""), terminal, io.Discard, "namespaces"))
	lines := bufio.NewReader(screen)
	for _, expected := range []string{"NAMESPACE  REVISION  KEYS  GROUPS    BYTES\r\n", "acme              1     2       3  2.0 KiB\r\n"} {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, expected, line)
	}
}

func TestDestroy_Confirm_Good_OnATerminal(t *testing.T) {
	for answer, status := range map[string]int{"y\n": exitDone, "YES\n": exitDone, "n\n": exitFailed, "\n": exitFailed, "\x04": exitFailed} {
		newShell(t)
		_, _, _ = runProgram("set", "acme", "config", "theme", "dark")
		terminal, screen := openTerminalPair(t)
		_, err := screen.WriteString(answer)
		require.NoError(t, err)
		var output bytes.Buffer
		assert.Equal(t, status, run(t.Context(), []string{"storebus", "delete-group", "acme", "config"}, terminal, &output, terminal), "%q", answer)
		shown := make([]byte, 1000)
		count, err := screen.Read(shown)
		require.NoError(t, err)
		for !strings.Contains(string(shown[:count]), "[y/N]") {
			more, err := screen.Read(shown[count:])
			require.NoError(t, err)
			count += more
		}
		assert.Contains(t, string(shown[:count]), "This would remove 1 key of the group config of acme. Go on? [y/N] ")
		_, left, _ := runProgram("count", "acme")
		assert.Equal(t, status == exitFailed, left == "1\n", "%q", answer)
	}
}

func TestWatch_Colour_Good_OnATerminal(t *testing.T) {
	newChanges(t)
	watch := func() string {
		terminal, screen := openTerminalPair(t)
		require.NoError(t, runShell(t.Context(), strings.NewReader(""), terminal, io.Discard, "watch", "acme", "--after", "3", "--limit", "1"))
		lines := bufio.NewReader(screen)
		_, err := lines.ReadString('\n')
		require.NoError(t, err)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		return line
	}
	assert.Contains(t, watch(), "\x1b[31mdelete\x1b[0m")
	t.Setenv("NO_COLOR", "1")
	line := watch()
	assert.NotContains(t, line, "\x1b")
	assert.Contains(t, line, " delete ")
}

func TestWatch_Exec_Good(t *testing.T) {
	shell := newChanges(t)
	const line = `echo "$STOREBUS_REVISION $STOREBUS_TYPE $STOREBUS_NAMESPACE $STOREBUS_GROUP $STOREBUS_KEY"; grep -o '"revision":[0-9]*'`
	assert.Equal(t, "4\tdelete\tconfig\ttheme\t\n4 delete acme config theme\n\"revision\":4\n",
		shell.mustRun(t, "watch", "acme", "--after", "3", "--limit", "1", "--exec", line))
}

func TestWatch_Exec_Bad(t *testing.T) {
	output, err := newChanges(t).run(t, "watch", "acme", "--after", "3", "--exec", "exit 7")
	require.ErrorContains(t, err, "the command of --exec failed at revision 4 (go on with --after 3): exit status 7")
	assert.Equal(t, "4\tdelete\tconfig\ttheme\t\n", output)
}
