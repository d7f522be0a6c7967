// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// Progress says how far a run is, on a terminal: on one line that is written again and
// again. Elsewhere it says only what is wrong.
type Progress struct {
	Output   io.Writer
	Terminal bool
	began    time.Time
	// spent and planned are how long all that has been measured, and all there is,
	// should take.
	spent, planned time.Duration
}

// NewProgress tells a terminal how far the run is. Elsewhere it says only what is wrong.
func NewProgress(output io.Writer) *Progress {
	return &Progress{Output: output, Terminal: isTerminal(output)}
}

// isTerminal reports whether what is written is seen as it comes.
func isTerminal(output io.Writer) bool {
	file, ok := output.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// Tell prints a line that stays, on a terminal only.
func (progress *Progress) Tell(format string, values ...any) {
	if progress.Terminal {
		progress.Note(format, values...)
	}
}

// Note prints a line that stays: something that the reader of the figures has to know.
func (progress *Progress) Note(format string, values ...any) {
	progress.Clear()
	fmt.Fprintf(progress.Output, format+"\n", values...)
}

// Say shows what is being done, on a terminal only.
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

// Plan begins the time that is left: all there is should take so long.
func (progress *Progress) Plan(planned time.Duration) {
	progress.began, progress.spent, progress.planned = time.Now(), 0, planned
}

// Measuring says which case comes next, which should take so long.
func (progress *Progress) Measuring(round string, trial fmt.Stringer, cost time.Duration) {
	left := ""
	if progress.spent > 0 {
		stretched := float64(time.Since(progress.began)) / float64(progress.spent)
		left = fmt.Sprintf(", about %s left", time.Duration(stretched*float64(progress.planned-progress.spent)).Round(time.Second))
	}
	progress.spent += cost
	progress.Say("%s: %s%s", round, trial, left)
}
