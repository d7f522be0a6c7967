// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of the kernel's accounts: USER_HZ is 100 wherever Go runs.
const clockTick = 10 * time.Millisecond

// meter reads how much processor time the processes of a case have used, by role.
type meter map[string]int

// read leaves out what the system does not say.
func (meter meter) read() map[string]time.Duration {
	used := map[string]time.Duration{}
	for role, pid := range meter {
		if time, known := cpuTime(pid); known {
			used[role] = time
		}
	}
	return used
}

// cpuTime gives the processor time that a process has used, in the kernel and out of
// it, and false where there is no /proc to say so.
func cpuTime(pid int) (time.Duration, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	return parseStat(stat)
}

// parseStat finds utime and stime, the 12th and 13th fields after the name of the
// program, which stands in brackets and may hold anything.
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
