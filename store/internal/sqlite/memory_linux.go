// SPDX-License-Identifier: EUPL-1.2

package sqlite

import (
	"bytes"
	"os"
	"strconv"
)

// ResidentBytes returns the memory of the process in bytes, if the system reports it.
func ResidentBytes() (resident int, measured bool) {
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(content)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.Atoi(string(fields[1]))
	return pages * os.Getpagesize(), err == nil
}
