// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// Progress shows how far a run is on a line of a terminal, which it rewrites. If the output
// is no terminal, it prints only warnings.
type Progress struct {
	Output   io.Writer
	Terminal bool
	began    time.Time
	// spent is the planned time of all finished measurements, and planned that of the whole
	// run.
	spent, planned time.Duration
}

// NewProgress shows the progress if output is a terminal. Otherwise it prints only
// warnings.
func NewProgress(output io.Writer) *Progress {
	return &Progress{Output: output, Terminal: isTerminal(output)}
}

// isTerminal reports whether an output is a terminal.
func isTerminal(output io.Writer) bool {
	file, ok := output.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// Tell prints a line that stays, if the output is a terminal.
func (progress *Progress) Tell(format string, values ...any) {
	if progress.Terminal {
		progress.Note(format, values...)
	}
}

// Note prints a line that stays. It is for a fact that the reader of the figures must know.
func (progress *Progress) Note(format string, values ...any) {
	progress.Clear()
	fmt.Fprintf(progress.Output, format+"\n", values...)
}

// Say shows the current step, if the output is a terminal.
func (progress *Progress) Say(format string, values ...any) {
	if progress.Terminal {
		progress.Clear()
		fmt.Fprintf(progress.Output, format, values...)
	}
}

// Clear empties the line.
func (progress *Progress) Clear() {
	if progress.Terminal {
		fmt.Fprint(progress.Output, "\r\x1b[K")
	}
}

// Plan starts the estimate of the time left. planned is the estimated time of the whole
// run.
func (progress *Progress) Plan(planned time.Duration) {
	progress.began, progress.spent, progress.planned = time.Now(), 0, planned
}

// Measuring names the next case. cost is its estimated time.
func (progress *Progress) Measuring(round string, trial fmt.Stringer, cost time.Duration) {
	left := ""
	if progress.spent > 0 {
		stretched := float64(time.Since(progress.began)) / float64(progress.spent)
		left = fmt.Sprintf(", about %s left", time.Duration(stretched*float64(progress.planned-progress.spent)).Round(time.Second))
	}
	progress.spent += cost
	progress.Say("%s: %s%s", round, trial, left)
}
