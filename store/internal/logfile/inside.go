// SPDX-License-Identifier: EUPL-1.2

package logfile

// BreakForTest closes the file under its goroutine, as a disk that fails. It is for tests of faults.
func (file *File) BreakForTest() error { return file.file.Close() }
