// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// startTimeout bounds how long a process may take until it is ready: a sidecar that
	// was killed brings its tables up to date first.
	startTimeout = 2 * time.Minute
	// endTimeout bounds how long it may take to end before it is killed.
	endTimeout = 15 * time.Second
	// shownBytes is how much of the end of a process's log an error shows.
	shownBytes = 2000
	// readyWord stands in the line that a process prints when it is ready.
	readyWord = " ready"
	// brokerVariable is where every process finds the broker: an argument could be
	// read by everybody on the machine, with the password in it.
	brokerVariable = "STOREBUS_NATS"
)

// errEnded is why a process that was not told to end is no longer there.
var errEnded = errors.New("it ended by itself")

// process is this program, started again with another command.
type process struct {
	name    string
	command *exec.Cmd
	input   io.WriteCloser // the helpers end when it is closed
	logPath string
	ready   chan string   // the ready line
	ended   chan struct{} // closed when it has ended and err is set
	err     error         // why it ended, if it was not told to
	// stopping says that it was told to end.
	stopping atomic.Bool
}

// launcher starts processes, and ends a context when one of them ends by itself.
type launcher struct {
	program   string
	directory string
	fail      context.CancelCauseFunc
	started   []*process
}

// launch starts a command of this program and waits until it says that it is ready.
// It gets the address of a broker where there is one, and nothing of what is
// configured for storebus in this environment.
func (launcher *launcher) launch(ctx context.Context, name, brokerURL string, arguments ...string) (*process, error) {
	process := &process{
		name:    name,
		command: exec.Command(launcher.program, arguments...),
		logPath: filepath.Join(launcher.directory, name+".log"),
		ready:   make(chan string, 1),
		ended:   make(chan struct{}),
	}
	process.command.Env = childEnvironment(os.Environ(), brokerURL)
	if err := process.start(launcher.fail); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	launcher.started = append(launcher.started, process)
	return process, process.waitReady(ctx)
}

// stop ends every process, the last that was started first.
func (launcher *launcher) stop() error {
	var failures []error
	for _, process := range slices.Backward(launcher.started) {
		failures = append(failures, process.stop())
	}
	launcher.started = nil
	return errors.Join(failures...)
}

func (process *process) start(fail context.CancelCauseFunc) error {
	log, err := os.Create(process.logPath)
	if err != nil {
		return err
	}
	process.command.Stderr = log
	output, err := process.startLogged()
	if closeError := log.Close(); err == nil { // the child has its own
		err = closeError
	}
	if err == nil {
		go process.follow(output, fail)
	}
	return err
}

func (process *process) startLogged() (output io.ReadCloser, err error) {
	dieWithParent(process.command)
	if process.input, err = process.command.StdinPipe(); err != nil {
		return nil, err
	}
	if output, err = process.command.StdoutPipe(); err != nil {
		return nil, err
	}
	return output, process.command.Start()
}

// follow reads what the process prints until it ends, and then says why it did.
func (process *process) follow(output io.Reader, fail context.CancelCauseFunc) {
	for scanner := bufio.NewScanner(output); scanner.Scan(); {
		if line := scanner.Text(); strings.Contains(line, readyWord) {
			select {
			case process.ready <- line:
			default:
			}
		}
	}
	exit := process.command.Wait()
	if !process.stopping.Load() {
		process.err = fmt.Errorf("%s: %w: %w", process.name, errEnded, process.lastWords(exit))
		fail(process.err)
	}
	close(process.ended)
}

// lastWords gives how a process ended, and the end of its log.
func (process *process) lastWords(exit error) error {
	if exit == nil {
		exit = errors.New("exit status 0")
	}
	log, err := os.ReadFile(process.logPath)
	if err != nil {
		return exit
	}
	return fmt.Errorf("%w: %s", exit, strings.TrimSpace(string(log[max(len(log)-shownBytes, 0):])))
}

func (process *process) waitReady(ctx context.Context) error {
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	select {
	case line := <-process.ready:
		process.ready <- line
		return nil
	case <-process.ended:
		return process.err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return fmt.Errorf("%s was not ready within %s", process.name, startTimeout)
	}
}

// url finds the address of a broker in the ready line.
func (process *process) url() string {
	line := <-process.ready
	process.ready <- line
	for word := range strings.FieldsSeq(line) {
		if strings.Contains(word, "://") {
			return word
		}
	}
	return ""
}

func (process *process) pid() int { return process.command.Process.Pid }

// stop ends the process: a helper when its input ends, the sidecar by a signal.
func (process *process) stop() error {
	process.stopping.Store(true)
	_ = process.input.Close()
	if process.command.Process.Signal(syscall.SIGTERM) != nil {
		_ = process.command.Process.Kill() // a system without signals, or it has ended
	}
	timer := time.NewTimer(endTimeout)
	defer timer.Stop()
	select {
	case <-process.ended:
		return nil
	case <-timer.C:
	}
	_ = process.command.Process.Kill()
	<-process.ended
	return fmt.Errorf("%s did not end within %s and was killed", process.name, endTimeout)
}

// kill ends the process without a word, and waits until it is gone.
func (process *process) kill() {
	process.stopping.Store(true)
	_ = process.command.Process.Kill()
	<-process.ended
}

// childEnvironment is this environment without what configures storebus.
func childEnvironment(environment []string, brokerURL string) []string {
	kept := slices.DeleteFunc(slices.Clone(environment), func(variable string) bool {
		return strings.HasPrefix(variable, "STOREBUS_") || strings.HasPrefix(variable, "NATS_")
	})
	if brokerURL != "" {
		kept = append(kept, brokerVariable+"="+brokerURL)
	}
	return kept
}
