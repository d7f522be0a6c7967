// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
)

// tracerProgram counts the system calls of a process.
const tracerProgram = "strace"

// CheckTracer returns an error if this machine cannot count system calls.
func CheckTracer() error {
	if _, err := exec.LookPath(tracerProgram); err != nil {
		return fmt.Errorf("system calls are counted by the program %s, which is missing here: %w", tracerProgram, err)
	}
	return nil
}

// HasSyscalls reports whether the system calls of a trial's sidecar can be divided by the
// requests of the trial: the trial sets, and nobody else does.
func (trial Trial) HasSyscalls() bool {
	return trial.HasSidecar() && (trial.verb == verbSet || trial.verb == verbRawSet) && trial.writers == 0 && !trial.expiry
}

// CountSyscalls measures a trial while strace counts the system calls of its sidecar. It
// returns the calls a request by their names. strace slows the sidecar, so the figures of
// this round are dropped.
func (stage *Stage) CountSyscalls(ctx context.Context, trial Trial, duration time.Duration, seed uint64) (map[string]float64, error) {
	if err := stage.rest(ctx, trial); err != nil {
		return nil, err
	}
	tracer, err := startTracer(stage.sidecarOf(trial).process.pid(), filepath.Join(stage.directory, "syscalls"))
	if err != nil {
		return nil, err
	}
	round, err := stage.measureNow(ctx, trial, duration, seed)
	calls, stopError := tracer.stop()
	if err == nil {
		err = stopError
	}
	if err != nil {
		return nil, err
	}
	return callsPerRequest(calls, &round), nil
}

func callsPerRequest(calls map[string]uint64, round *report.Round) map[string]float64 {
	each := map[string]float64{}
	for name, count := range calls {
		if round.Requests > 0 {
			each[name] = float64(count) / float64(round.Requests)
		}
	}
	return each
}

// tracer is a strace that is attached to a process.
type tracer struct {
	command *exec.Cmd
	output  string
	read    chan struct{} // closed once the rest of its messages is read
}

// startTracer attaches strace to a process, and waits until it is attached. The counts will
// be in the file output.
func startTracer(pid int, output string) (*tracer, error) {
	tracer := &tracer{
		command: exec.Command(tracerProgram, "-c", "-f", "-o", output, "-p", strconv.Itoa(pid)),
		output:  output, read: make(chan struct{}),
	}
	dieWithParent(tracer.command)
	messages, err := tracer.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := tracer.command.Start(); err != nil {
		return nil, err
	}
	var said []string
	for lines := bufio.NewScanner(messages); lines.Scan(); {
		if strings.Contains(lines.Text(), "attached") {
			go tracer.readOn(messages)
			return tracer, nil
		}
		said = append(said, strings.TrimSpace(lines.Text()))
	}
	exit := tracer.command.Wait() // it has ended by itself
	if len(said) > 0 {
		return nil, errors.New(strings.Join(said, "; "))
	}
	return nil, fmt.Errorf("%s: %w", tracerProgram, errors.Join(errEnded, exit))
}

// readOn reads the messages about threads that come and go.
func (tracer *tracer) readOn(messages io.Reader) {
	_, _ = io.Copy(io.Discard, messages)
	close(tracer.read)
}

// stop detaches strace, and returns the number of calls by their names.
func (tracer *tracer) stop() (map[string]uint64, error) {
	_ = tracer.command.Process.Signal(os.Interrupt) // it may have ended
	<-tracer.read
	exit := tracer.command.Wait() // it may say that it was interrupted
	counts, err := os.ReadFile(tracer.output)
	if err != nil {
		return nil, err
	}
	calls := parseCounts(counts)
	if len(calls) == 0 {
		return nil, errors.Join(errors.New(tracerProgram+" has counted no system call"), exit)
	}
	return calls, nil
}

// parseCounts reads the table of strace -c: the fourth column is the number of calls, the
// last one the name. The column of errors may be empty, and the last row is the total.
func parseCounts(counts []byte) map[string]uint64 {
	calls := map[string]uint64{}
	for line := range bytes.Lines(counts) {
		fields := strings.Fields(string(line))
		if len(fields) < 5 {
			continue
		}
		name := fields[len(fields)-1]
		if count, err := strconv.ParseUint(fields[3], 10, 63); err == nil && name != "total" {
			calls[name] = count
		}
	}
	return calls
}
