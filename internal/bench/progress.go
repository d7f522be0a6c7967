// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// progress says how far a run is, on a terminal: on one line that is written again and
// again. Elsewhere it says only what is wrong.
type progress struct {
	output   io.Writer
	terminal bool
	began    time.Time
	// spent and planned are how long all that has been measured, and all there is,
	// should take.
	spent, planned time.Duration
}

func newProgress(output io.Writer) *progress {
	return &progress{output: output, terminal: isTerminal(output)}
}

// isTerminal reports whether what is written is seen as it comes.
func isTerminal(output io.Writer) bool {
	file, ok := output.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// tell prints a line that stays, on a terminal only.
func (progress *progress) tell(format string, values ...any) {
	if progress.terminal {
		progress.note(format, values...)
	}
}

// note prints a line that stays: something that the reader of the figures has to know.
func (progress *progress) note(format string, values ...any) {
	progress.clear()
	fmt.Fprintf(progress.output, format+"\n", values...)
}

// say shows what is being done, on a terminal only.
func (progress *progress) say(format string, values ...any) {
	if progress.terminal {
		progress.clear()
		fmt.Fprintf(progress.output, format, values...)
	}
}

// clear empties the line.
func (progress *progress) clear() {
	if progress.terminal {
		fmt.Fprint(progress.output, "\r\x1b[K")
	}
}

// plan begins the time that is left: all there is should take so long.
func (progress *progress) plan(planned time.Duration) {
	progress.began, progress.spent, progress.planned = time.Now(), 0, planned
}

// measuring says which case comes next, which should take so long.
func (progress *progress) measuring(round string, trial fmt.Stringer, cost time.Duration) {
	left := ""
	if progress.spent > 0 {
		stretched := float64(time.Since(progress.began)) / float64(progress.spent)
		left = fmt.Sprintf(", about %s left", time.Duration(stretched*float64(progress.planned-progress.spent)).Round(time.Second))
	}
	progress.spent += cost
	progress.say("%s: %s%s", round, trial, left)
}
