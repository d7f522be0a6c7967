// SPDX-License-Identifier: EUPL-1.2

package disk

import (
	"time"

	"dappco.re/go/storebus/store/internal/sqlite"
)

// lockPatience is how long writes wait for another process that holds the lock of the database.
// They share this time: after that, each is refused at once until one finds the lock free.
const lockPatience = 250 * time.Millisecond

// foreign is the lock of the database in the hands of another process. The connection itself never
// waits: a statement that waits would hold up everybody.
type foreign struct {
	// since is when a transaction first found the lock taken, zero while it is free.
	since time.Time
}

// met takes note of whether a transaction could begin.
func (foreign *foreign) met(err error) {
	switch {
	case !sqlite.IsLocked(err):
		foreign.since = time.Time{}
	case foreign.since.IsZero():
		foreign.since = time.Now()
	}
}

// MayWait reports whether a transaction that has failed with err may be tried again before its
// callers are told.
func (foreign *foreign) MayWait(err error) bool {
	return sqlite.IsLocked(err) && time.Since(foreign.since) < lockPatience
}
