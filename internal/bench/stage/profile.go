// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
)

// ProfiledServe is the command of a sidecar that can be profiled. It must be a command of
// the program with the flags and the action of serve, and call AnswerProfiles beside it.
const ProfiledServe = "bench-serve"

// The lines between a stage and a sidecar that can be profiled. profileLine with a quoted
// path begins a profile, and profileLine alone ends it. The answer is answerLine, with the
// error if there is one.
const (
	profileLine = "profile "
	answerLine  = "profile: "
)

// AnswerProfiles writes CPU profiles of this process, as a stage asks for them on input. It
// returns when the input ends.
func AnswerProfiles(input io.Reader, output io.Writer) {
	var file *os.File
	for scanner := bufio.NewScanner(input); scanner.Scan(); {
		argument, asked := strings.CutPrefix(scanner.Text(), profileLine)
		if !asked {
			continue
		}
		var err error
		if argument == "" {
			err = endProfile(file)
		} else {
			file, err = beginProfile(argument)
		}
		answer := ""
		if err != nil {
			answer = err.Error()
		}
		fmt.Fprintln(output, answerLine+strings.ReplaceAll(answer, "\n", " "))
	}
}

func beginProfile(quoted string) (*os.File, error) {
	path, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, err
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func endProfile(file *os.File) error {
	pprof.StopCPUProfile()
	return file.Close()
}

// Profile measures a trial while its sidecar writes a CPU profile of itself into the folder
// of the settings. Profiling slows the sidecar a little, so the figures are dropped.
func (stage *Stage) Profile(ctx context.Context, trial Trial, duration time.Duration, seed uint64) error {
	if err := stage.rest(ctx, trial); err != nil {
		return err
	}
	sidecar := stage.sidecarOf(trial).process
	path, err := filepath.Abs(filepath.Join(stage.config.Profile, trial.profileName()))
	if err != nil {
		return err
	}
	if err := sidecar.ask(ctx, profileLine+strconv.Quote(path)); err != nil {
		return err
	}
	_, err = stage.measureNow(ctx, trial, duration, seed)
	return errors.Join(err, sidecar.ask(ctx, profileLine))
}

// profileName is the name of a trial's profile: set-256-128B.pprof.
func (trial Trial) profileName() string {
	return fmt.Sprintf("%s-%d-%s.pprof", trial.Name, trial.InFlight, strings.ReplaceAll(report.Bytes(trial.ValueBytes), " ", ""))
}

// ask sends a line to the process, and waits for its answer.
func (process *process) ask(ctx context.Context, line string) error {
	if _, err := fmt.Fprintln(process.input, line); err != nil {
		return err
	}
	select {
	case answer := <-process.answers:
		if answer != "" {
			return fmt.Errorf("%s: %s", process.name, answer)
		}
		return nil
	case <-process.ended:
		return fmt.Errorf("%s: %w", process.name, errEnded)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
