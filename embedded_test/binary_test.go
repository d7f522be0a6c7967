// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/testrun"
)

// patience bounds every wait of these tests. A test reaches it only if it fails.
const patience = time.Minute

// binary is the storebus program, built once for all tests.
var binary struct {
	once   sync.Once
	folder string
	path   string
	err    error
}

// storebusBinary builds the real program and returns its path.
func storebusBinary(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() {
		if binary.folder, binary.err = os.MkdirTemp("", "storebus-binary-"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(binary.folder, "storebus")
		arguments := []string{"build", "-o", binary.path}
		if testrun.RaceDetector {
			arguments = append(arguments, "-race")
		}
		output, err := exec.Command("go", append(arguments, "dappco.re/go/storebus/cmd/storebus")...).CombinedOutput()
		if err != nil {
			binary.err = errors.New(string(output))
		}
	})
	require.NoError(t, binary.err, "go build ./cmd/storebus")
	return binary.path
}

// removeBinary deletes the program that storebusBinary built.
func removeBinary() {
	if binary.folder != "" {
		// If a file cannot be removed, the system's own clean-up removes it.
		_ = os.RemoveAll(binary.folder)
	}
}

// process is a running program: its standard output by lines, its standard error, and its
// exit.
type process struct {
	name   string
	native *os.Process
	lines  chan string
	output *lockedBuffer // all of standard output
	errors *lockedBuffer // all of standard error
	exited chan struct{} // closed after the process has ended and code is set
	code   int           // -1 if a signal ended the process
}

// startProcess starts a program that ends with the test at the latest. Of this process's
// variables it gets PATH and a folder for its files, nothing else.
func startProcess(t *testing.T, path string, environment []string, arguments ...string) *process {
	t.Helper()
	command := exec.Command(path, arguments...)
	command.Env = append(cleanEnvironment(t), environment...)
	command.Dir = t.TempDir()
	dieWithParent(command)
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	started := &process{
		name:   filepath.Base(path) + " " + strings.Join(arguments, " "),
		lines:  make(chan string, 1024),
		output: &lockedBuffer{},
		errors: &lockedBuffer{},
		exited: make(chan struct{}),
	}
	command.Stderr = started.errors
	started.errors.grown = make(chan struct{}, 1)
	require.NoError(t, command.Start())
	started.native = command.Process
	go func() {
		defer close(started.exited)
		scanner := bufio.NewScanner(io.TeeReader(stdout, started.output))
		for scanner.Scan() {
			started.lines <- scanner.Text()
		}
		close(started.lines)
		// An error is an exit status or a signal. ProcessState has both.
		_ = command.Wait()
		started.code = command.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		stdin.Close()
		started.kill(t)
		assert.NotContains(t, started.errors.String(), "DATA RACE")
		if t.Failed() && started.errors.String() != "" {
			t.Logf("%s wrote to standard error:\n%s", started.name, started.errors)
		}
	})
	return started
}

// cleanEnvironment is an environment without the settings of the person who runs the tests.
func cleanEnvironment(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home, "TMPDIR=" + os.TempDir(),
		"GORACE=halt_on_error=1 atexit_sleep_ms=0",
	}
}

// line waits for a line of standard output that begins with prefix.
func (process *process) line(t *testing.T, prefix string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		select {
		case line, open := <-process.lines:
			if !open {
				<-process.exited
				require.FailNowf(t, "the process ended", "%s: status %d before a line %q; standard error:\n%s",
					process.name, process.code, prefix, process.errors)
			}
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-ctx.Done():
			require.FailNowf(t, "no such line", "%s: no line %q; standard error:\n%s", process.name, prefix, process.errors)
		}
	}
}

// says waits until standard error contains text.
func (process *process) says(t *testing.T, text string) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for !strings.Contains(process.errors.String(), text) {
		select {
		case <-process.errors.grown:
		case <-process.exited:
			require.Contains(t, process.errors.String(), text, "%s ended", process.name)
		case <-timer.C:
			require.FailNowf(t, "not said", "%s: %q; standard error:\n%s", process.name, text, process.errors)
		}
	}
}

// wait returns the exit status of a process. It fails the test if the process does not end.
func (process *process) wait(t *testing.T) int {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case <-process.exited:
			return process.code
		case _, open := <-process.lines:
			if !open {
				process.lines = nil
			}
		case <-timer.C:
			// A Go program prints the stack of each goroutine, and ends.
			require.NoError(t, process.native.Signal(syscall.SIGQUIT))
			<-process.exited
			require.FailNowf(t, "the process does not end", "%s; standard error:\n%s", process.name, process.errors)
		}
	}
}

// kill ends the process with SIGKILL and waits until it is gone.
func (process *process) kill(t *testing.T) {
	t.Helper()
	// Kill fails only if the process has ended already.
	_ = process.native.Kill()
	process.wait(t)
}

// terminate sends SIGTERM and returns the exit status.
func (process *process) terminate(t *testing.T) int {
	t.Helper()
	require.NoError(t, process.native.Signal(syscall.SIGTERM))
	return process.wait(t)
}

// result is the output and the exit code of a program that has ended.
type result struct {
	stdout, stderr string
	code           int
}

// run runs the storebus binary to its end with input on its standard input.
func run(t *testing.T, input string, arguments ...string) result {
	t.Helper()
	return runWith(t, nil, input, arguments...)
}

// runWith is run with environment variables.
func runWith(t *testing.T, environment []string, input string, arguments ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, storebusBinary(t), arguments...)
	command.Env = append(cleanEnvironment(t), environment...)
	command.Dir = t.TempDir()
	command.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	require.NoError(t, ctx.Err(), "storebus %s does not end: %s", strings.Join(arguments, " "), &stderr)
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit)
	}
	return result{stdout: stdout.String(), stderr: stderr.String(), code: command.ProcessState.ExitCode()}
}

// lockedBuffer is a buffer that one goroutine writes and others read.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
	// grown gets a value after each write. It may be nil.
	grown chan struct{}
}

var _ io.Writer = (*lockedBuffer)(nil)

func (locked *lockedBuffer) Write(data []byte) (int, error) {
	locked.mutex.Lock()
	defer locked.mutex.Unlock()
	select {
	case locked.grown <- struct{}{}:
	default:
	}
	return locked.buffer.Write(data)
}

func (locked *lockedBuffer) String() string {
	locked.mutex.Lock()
	defer locked.mutex.Unlock()
	return locked.buffer.String()
}

// readyLine begins the line that a sidecar prints when it serves.
const readyLine = "storebus ready"

// startServe starts a sidecar as a process on an outside broker, and waits until it serves.
func startServe(t *testing.T, url, database string, flags ...string) *process {
	t.Helper()
	started := startProcess(t, storebusBinary(t), nil, append([]string{"serve", "--nats", url, "--database", database}, flags...)...)
	started.line(t, readyLine)
	return started
}
