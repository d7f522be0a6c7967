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

// terminal is a command of the shell that runs at a terminal, as a reader of a page has it.
type terminal struct {
	line    string
	command *exec.Cmd
	screen  *lockedBuffer
	ended   chan struct{} // closed when the command has ended and everything is on the screen
	err     error         // how it ended
}

// openTerminal starts a line of the shell in a folder, with standard input, output and error
// at a terminal. Whoever is asked for a yes says so. It ends with the test at the latest.
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
	command.SysProcAttr.Setsid = true // so that it can be ended with all that it has started
	opened := &terminal{line: line, command: command, screen: &lockedBuffer{grown: make(chan struct{}, 1)}, ended: make(chan struct{})}
	require.NoError(t, command.Start(), line)
	require.NoError(t, device.Close())
	go func() {
		defer close(opened.ended)
		opened.show(screen)
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

// show copies what is written to the terminal until its last writer is gone, which is an error.
func (opened *terminal) show(screen *os.File) {
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

// text is what stands on the screen.
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

// awaits returns when the screen shows what is accepted.
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

// interrupt ends the command as Ctrl-C does, if it still goes on.
func (opened *terminal) interrupt(t *testing.T) {
	t.Helper()
	select {
	case <-opened.ended:
	default:
		require.NoError(t, unix.Kill(-opened.command.Process.Pid, unix.SIGINT))
		_ = opened.wait(t) // how it ends is its own affair
	}
}
