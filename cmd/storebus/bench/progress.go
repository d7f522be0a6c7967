// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress says how far a run is: on one line that is written again and again where
// somebody looks at a terminal, with a line now and then elsewhere.
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
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// note prints a line that stays.
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

// measuring says which case comes next, which should take so long. Elsewhere than on a
// terminal the first of a round is enough.
func (progress *progress) measuring(round string, first bool, trial trial, cost time.Duration) {
	left := ""
	if progress.spent > 0 {
		stretched := float64(time.Since(progress.began)) / float64(progress.spent)
		left = fmt.Sprintf(", about %s left", time.Duration(stretched*float64(progress.planned-progress.spent)).Round(time.Second))
	}
	progress.spent += cost
	if progress.terminal {
		progress.say("%s: %s%s", round, trial, left)
	} else if first {
		progress.note("%s%s", round, left)
	}
}
