// SPDX-License-Identifier: EUPL-1.2

//go:build !linux

package sqlite

// ResidentBytes cannot tell here how much memory the process has.
func ResidentBytes() (resident int, measured bool) { return 0, false }
