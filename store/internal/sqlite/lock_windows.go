// SPDX-License-Identifier: EUPL-1.2

//go:build windows

package sqlite

// noteOwner does nothing. On Windows a locked file can be neither written nor read, so
// nobody could read the number of the process.
func noteOwner(string) error { return nil }
