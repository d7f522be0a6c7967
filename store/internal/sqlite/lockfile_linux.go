// SPDX-License-Identifier: EUPL-1.2

package sqlite

import "golang.org/x/sys/unix"

// setLock takes a lock of the open file: it holds until this descriptor is closed, whatever the
// process does with others.
const setLock = unix.F_OFD_SETLK
