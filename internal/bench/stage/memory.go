// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"dappco.re/go/storebus/internal/bench/report"
)

// memoryOf returns the memory of a process, nil if there is no /proc.
func memoryOf(pid int) *report.Memory {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	return parseMemory(status)
}

// parseMemory finds VmRSS and VmHWM, lines like "VmRSS:   1234 kB".
func parseMemory(status []byte) *report.Memory {
	kilobytes := map[string]uint64{}
	for scanner := bufio.NewScanner(bytes.NewReader(status)); scanner.Scan(); {
		name, value, _ := strings.Cut(scanner.Text(), ":")
		digits, isSize := strings.CutSuffix(strings.TrimSpace(value), " kB")
		if number, err := strconv.ParseUint(digits, 10, 53); isSize && err == nil {
			kilobytes[name] = number
		}
	}
	resident, known := kilobytes["VmRSS"]
	peak, peakKnown := kilobytes["VmHWM"]
	if !known || !peakKnown {
		return nil
	}
	return &report.Memory{Resident: resident << 10, Peak: peak << 10}
}
