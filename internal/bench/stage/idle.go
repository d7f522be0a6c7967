// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"bytes"
	"os"
	"strconv"
)

// processors is the time of all processors since the start of the system, in the kernel's
// ticks. It is zero if the system does not report it.
type processors struct{ idle, whole uint64 }

// readProcessors reads the first line of /proc/stat, if there is one.
func readProcessors() processors {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return processors{}
	}
	return parseProcessors(stat)
}

// parseProcessors adds the first eight figures: user, nice, system, idle, iowait, irq,
// softirq and steal. The time of guests is in user and nice already. A processor that waits
// for the disk is idle.
func parseProcessors(stat []byte) (read processors) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return processors{}
	}
	for index, field := range fields[1:9] {
		ticks, err := strconv.ParseUint(string(field), 10, 63)
		if err != nil {
			return processors{}
		}
		read.whole += ticks
		if index == 3 || index == 4 {
			read.idle += ticks
		}
	}
	return read
}

// idleSince returns the idle share of the processors since an earlier reading, nil if it is
// not known. iowait may go back, so the share is kept within its bounds.
func (read processors) idleSince(earlier processors) *float64 {
	if read.whole <= earlier.whole {
		return nil
	}
	share := float64(int64(read.idle-earlier.idle)) / float64(read.whole-earlier.whole)
	return new(min(max(share, 0), 1))
}
