// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of the kernel's processor times: USER_HZ is 100 on every system of
// Go.
const clockTick = 10 * time.Millisecond

// meter reads the processor times of the processes of a case, by role.
type meter map[string]int

// read returns the processor times. It leaves out a process if the system does not report
// its time.
func (meter meter) read() map[string]time.Duration {
	used := map[string]time.Duration{}
	for role, pid := range meter {
		if time, known := cpuTime(pid); known {
			used[role] = time
		}
	}
	return used
}

// cpuTime returns the processor time of a process, in the kernel and outside. It returns
// false if there is no /proc.
func cpuTime(pid int) (time.Duration, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	return parseStat(stat)
}

// parseStat returns the sum of utime and stime, the 12th and 13th fields after the name of
// the program. The name is in brackets and may contain any letter.
func parseStat(stat []byte) (time.Duration, bool) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err := strconv.ParseUint(string(fields[11]), 10, 63)
	if err != nil {
		return 0, false
	}
	system, err := strconv.ParseUint(string(fields[12]), 10, 63)
	return time.Duration(user+system) * clockTick, err == nil
}
