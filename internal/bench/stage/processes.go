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
	// startTimeout bounds the time until a process is ready: a killed sidecar first updates
	// its tables.
	startTimeout = 2 * time.Minute
	// endTimeout bounds the time until a process ends. Then it is killed.
	endTimeout = 15 * time.Second
	// shownBytes is the length of a log's end in an error.
	shownBytes = 2000
	// readyWord is in the line of a ready process.
	readyWord = " ready"
	// brokerVariable has the address of the broker. An argument would show the password in
	// it to every user of the machine.
	brokerVariable = "STOREBUS_NATS"
)

// errEnded says that a process has ended although it was not stopped.
var errEnded = errors.New("it ended by itself")

// process is this program, started again with another command.
type process struct {
	name    string
	command *exec.Cmd
	input   io.WriteCloser // closing it ends a helper
	logPath string
	ready   chan string   // the ready line
	answers chan string   // the answer to ask, one at a time
	ended   chan struct{} // closed after it has ended and err is set
	err     error         // why it ended, unless it was stopped
	// stopping says that stop or kill was called.
	stopping atomic.Bool
}

// launcher starts processes. If one ends by itself, it ends a context.
type launcher struct {
	program   string
	directory string
	fail      context.CancelCauseFunc
	started   []*process
}

// launch starts a command of this program and waits until it is ready. The command gets
// brokerURL, if it is not empty, and no other setting of storebus in this environment.
func (launcher *launcher) launch(ctx context.Context, name, brokerURL string, arguments ...string) (*process, error) {
	process := &process{
		name:    name,
		command: exec.Command(launcher.program, arguments...),
		logPath: filepath.Join(launcher.directory, name+".log"),
		ready:   make(chan string, 1),
		answers: make(chan string, 1),
		ended:   make(chan struct{}),
	}
	process.command.Env = childEnvironment(os.Environ(), brokerURL)
	if err := process.start(launcher.fail); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	launcher.started = append(launcher.started, process)
	return process, process.waitReady(ctx)
}

// stop ends every process, the newest first.
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

// follow reads the output of the process until it ends, and then sets err.
func (process *process) follow(output io.Reader, fail context.CancelCauseFunc) {
	for scanner := bufio.NewScanner(output); scanner.Scan(); {
		line := scanner.Text()
		if answer, is := strings.CutPrefix(line, answerLine); is {
			offer(process.answers, answer)
		} else if strings.Contains(line, readyWord) {
			offer(process.ready, line)
		}
	}
	exit := process.command.Wait()
	if !process.stopping.Load() {
		process.err = fmt.Errorf("%s: %w: %w", process.name, errEnded, process.lastWords(exit))
		fail(process.err)
	}
	close(process.ended)
}

// offer hands over a line if the channel has room for it.
func offer(lines chan<- string, line string) {
	select {
	case lines <- line:
	default:
	}
}

// lastWords returns the exit of a process, and the end of its log.
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

// url returns the address of the broker in the ready line.
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

// stop ends the process: a helper by closing its input, the sidecar by a signal.
func (process *process) stop() error {
	process.stopping.Store(true)
	_ = process.input.Close()
	if process.command.Process.Signal(syscall.SIGTERM) != nil {
		_ = process.command.Process.Kill() // the system has no signals, or the process has ended
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

// kill kills the process, and waits until it has ended.
func (process *process) kill() {
	process.stopping.Store(true)
	_ = process.command.Process.Kill()
	<-process.ended
}

// childEnvironment is this environment without the settings of storebus.
func childEnvironment(environment []string, brokerURL string) []string {
	kept := slices.DeleteFunc(slices.Clone(environment), func(variable string) bool {
		return strings.HasPrefix(variable, "STOREBUS_") || strings.HasPrefix(variable, "NATS_")
	})
	if brokerURL != "" {
		kept = append(kept, brokerVariable+"="+brokerURL)
	}
	return kept
}
