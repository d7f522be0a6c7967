// SPDX-License-Identifier: EUPL-1.2

//go:build darwin || freebsd

package sqlite

import "golang.org/x/sys/unix"

// setLock takes a lock of the process. It holds until any descriptor of the file is closed. SQLite
// closes the file when the store is closed, and nobody else opens it.
const setLock = unix.F_SETLK
