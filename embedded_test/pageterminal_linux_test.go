// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal is a command of the shell that runs at a terminal, as for the reader of a page.
type terminal struct {
	line    string
	command *exec.Cmd
	screen  *lockedBuffer
	ended   chan struct{} // closed after the command has ended and all output is on the screen
	err     error         // the error of the command
}

// openTerminal runs a line of the shell in a folder, with a terminal as standard input,
// output and error. It answers a question with yes. It ends with the test at the latest.
func openTerminal(t *testing.T, folder string, environment []string, line string) *terminal {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	device, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	command := exec.Command("bash", "-c", line)
	command.Dir, command.Env = folder, environment
	command.Stdin, command.Stdout, command.Stderr = device, device, device
	dieWithParent(command)
	command.SysProcAttr.Setsid = true // a signal then reaches all its children too
	opened := &terminal{line: line, command: command, screen: &lockedBuffer{grown: make(chan struct{}, 1)}, ended: make(chan struct{})}
	require.NoError(t, command.Start(), line)
	require.NoError(t, device.Close())
	go func() {
		defer close(opened.ended)
		opened.copyOutput(screen)
		opened.err = command.Wait()
		_ = screen.Close()
	}()
	t.Cleanup(func() {
		select {
		case <-opened.ended:
		default:
			_ = unix.Kill(-command.Process.Pid, unix.SIGKILL) // it fails only if all have ended
			<-opened.ended
		}
	})
	return opened
}

// copyOutput copies the output of the terminal. Reading fails after the last writer has closed
// it.
func (opened *terminal) copyOutput(screen *os.File) {
	shown := make([]byte, 4096)
	for {
		count, err := screen.Read(shown)
		_, _ = opened.screen.Write(shown[:count])
		if strings.HasSuffix(string(shown[:count]), "[y/N] ") {
			_, _ = io.WriteString(screen, "y\n")
		}
		if err != nil {
			return
		}
	}
}

// text is the text on the screen.
func (opened *terminal) text() string {
	return strings.ReplaceAll(opened.screen.String(), "\r\n", "\n")
}

// wait returns when the command has ended.
func (opened *terminal) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-opened.ended:
	case <-time.After(patience):
		require.FailNow(t, "the command does not end", "%s\n%s", opened.line, opened.text())
	}
	return opened.err
}

// awaits returns when the screen shows an accepted text.
func (opened *terminal) awaits(t *testing.T, what string, accepted func(screen string) bool) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for !accepted(opened.text()) {
		select {
		case <-opened.screen.grown:
		case <-opened.ended:
			require.True(t, accepted(opened.text()), "%s ended (%v) before %q:\n%s", opened.line, opened.err, what, opened.text())
		case <-timer.C:
			require.FailNow(t, "not shown", "%s does not show %q:\n%s", opened.line, what, opened.text())
		}
	}
}

// interrupt ends the command as Ctrl-C does, if it still runs.
func (opened *terminal) interrupt(t *testing.T) {
	t.Helper()
	select {
	case <-opened.ended:
	default:
		require.NoError(t, unix.Kill(-opened.command.Process.Pid, unix.SIGINT))
		_ = opened.wait(t) // its exit status does not matter
	}
}
