// SPDX-License-Identifier: EUPL-1.2

//go:build !linux

package sqlite

// ResidentBytes reports false: this system does not report the memory of the process.
func ResidentBytes() (resident int, measured bool) { return 0, false }
