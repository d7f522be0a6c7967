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
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// openTerminalPair opens a pseudo-terminal. A program uses terminal; screen is its other
// end, with the screen and the keyboard.
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
	for _, expected := range []string{"NAMESPACE  REVISION  KEYS  GROUPS     SIZE\r\n", "acme              1     2       3  2.0 KiB\r\n"} {
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

// slowly serves a verb that replies only after letGo is called. Meanwhile it serves a
// status. It sets the interval between two questions about the status to almost nothing.
func slowly(t *testing.T, verb, reply, status string) (letGo func()) {
	t.Helper()
	interval := progressInterval
	progressInterval = time.Millisecond
	t.Cleanup(func() { progressInterval = interval })
	_, _ = newScriptedShell(t, "store.admin.status", body(status))
	release := make(chan struct{})
	connection := dial(t)
	_, err := connection.Subscribe("store.admin."+verb, func(request *nats.Msg) {
		<-release
		_ = request.Respond([]byte(reply))
	})
	require.NoError(t, err)
	require.NoError(t, connection.Flush())
	return sync.OnceFunc(func() { close(release) })
}

func TestProgress_ShowProgress_Good_OnATerminal(t *testing.T) {
	for name, test := range map[string]struct {
		verb, reply, status, shown, printed string
		line                                []string
	}{
		"Backup": {
			"backup", `{"file":"monday.db","bytes":8192}`, `{"database_bytes":8192,"backed_up_bytes":4096}`, "4.0 KiB of 8.0 KiB copied", "monday.db\t8192\n",
			[]string{"backup", "monday.db"},
		},
		"BackupAsJSON": {
			"backup", `{"file":"monday.db","bytes":8192}`, `{"database_bytes":8192,"backed_up_bytes":4096}`, "4.0 KiB of 8.0 KiB copied", `{"file":"monday.db","bytes":8192}` + "\n",
			[]string{"backup", "monday.db", "--json"},
		},
		"Compact": {
			"compact", `{"archive":"a.jsonl.gz","entries":7,"sha256":"e3"}`, `{"journal":{"archiving":5}}`, "5 entries written", "a.jsonl.gz\t7\te3\n",
			[]string{"compact", "--before", "2026-11-22T10:01:00Z", "--force"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			letGo := slowly(t, test.verb, test.reply, test.status)
			defer letGo()
			terminal, screen := openTerminalPair(t)
			var output bytes.Buffer
			status := make(chan int, 1)
			go func() {
				status <- run(t.Context(), append([]string{"storebus"}, test.line...), strings.NewReader(""), &output, terminal)
				_ = terminal.Close()
			}()
			var shown strings.Builder
			for part := make([]byte, 1000); ; {
				count, err := screen.Read(part)
				shown.Write(part[:count])
				if strings.Contains(shown.String(), test.shown) {
					letGo()
				}
				if err != nil { // the terminal is closed
					break
				}
			}
			assert.Equal(t, exitDone, <-status)
			assert.Contains(t, shown.String(), "\r\x1b[K"+test.shown)
			assert.True(t, strings.HasSuffix(shown.String(), clearLine), "nothing is left of it")
			assert.Equal(t, test.printed, output.String())
		})
		t.Run(name+"Elsewhere", func(t *testing.T) {
			letGo := slowly(t, test.verb, test.reply, test.status)
			letGo()
			status, output, errorOutput := runProgram(test.line...)
			assert.Equal(t, exitDone, status)
			assert.Equal(t, test.printed, output)
			assert.Empty(t, errorOutput)
		})
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
