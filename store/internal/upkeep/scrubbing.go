// SPDX-License-Identifier: EUPL-1.2

package upkeep

import (
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
)

const (
	// scrubInterval is the time from the beginning of one scrubbing to that of the next, and within
	// which each of them has ended.
	scrubInterval = 7 * 24 * time.Hour
	// scrubDelay is the time from the opening of a store to its first scrubbing.
	scrubDelay = time.Minute
)

// Scrubbing verifies all stored entries once a week, a slice of at most 512 a second. Only a store
// that is too large for that has more slices a second.
type Scrubbing struct {
	config Config
	// beginsAt is when the next scrubbing begins, and next where one under way goes on.
	beginsAt time.Time
	underway bool
	next     kv.EntryName
	// slices are to be done until Allow is called again.
	slices int

	setChecksum *sqlite.Statement
	selectEnd   *sqlite.Statement
	saveEnd     *sqlite.Statement
}

// NewScrubbing prepares the statements of scrubbing.
func NewScrubbing(session *sqlite.Session, config Config) *Scrubbing {
	return &Scrubbing{
		config:      config,
		setChecksum: session.Prepare(`UPDATE entries SET checksum = ? WHERE group_name = ? AND entry_key = ?`),
		selectEnd:   session.Prepare(`SELECT value FROM meta WHERE name = 'verified'`),
		saveEnd:     session.Prepare(`INSERT OR REPLACE INTO meta (name, value) VALUES ('verified', ?)`),
	}
}

// Load reads when the last scrubbing was.
func (scrubbing *Scrubbing) Load() error {
	last, _, err := scrubbing.selectEnd.Integer()
	scrubbing.beginsAt = scrubbing.config.Clock.Now().Add(scrubDelay)
	if next := time.UnixMilli(last).Add(scrubInterval); next.After(scrubbing.beginsAt) {
		scrubbing.beginsAt = next
	}
	return err
}

// Allow is called once a second. It has the next slices done.
func (scrubbing *Scrubbing) Allow() {
	now := scrubbing.config.Clock.Now()
	if !scrubbing.underway && !scrubbing.config.InMemory && !now.Before(scrubbing.beginsAt) {
		scrubbing.underway, scrubbing.next, scrubbing.beginsAt = true, kv.EntryName{}, now.Add(scrubInterval)
	}
	if scrubbing.underway {
		scrubbing.slices = 1 + int(scrubbing.config.View.Counts().Entries/(state.RowsPerScrub*uint64(scrubInterval/time.Second)))
	}
}

// IsDue reports whether a slice is to be done.
func (scrubbing *Scrubbing) IsDue() bool { return scrubbing.slices > 0 }

// Scrub does a slice, and reports whether there is more to do now.
func (scrubbing *Scrubbing) Scrub() (more bool) {
	err := scrubbing.slice()
	scrubbing.config.Disk.Tried(workScrubbing, err)
	scrubbing.slices--
	if err != nil || !scrubbing.underway {
		scrubbing.slices = 0
	}
	return scrubbing.IsDue()
}

func (scrubbing *Scrubbing) slice() error {
	scrubbed, err := scrubbing.config.View.Scrub(scrubbing.next)
	if err != nil {
		return err
	}
	if len(scrubbed.Missing) > 0 || scrubbed.Ended {
		if err := scrubbing.fill(&scrubbed); err != nil {
			return err
		}
	}
	scrubbing.next, scrubbing.underway = scrubbed.Next, !scrubbed.Ended
	return nil
}

// fill writes what a slice has found out.
func (scrubbing *Scrubbing) fill(scrubbed *state.Scrubbed) error {
	err := scrubbing.config.Disk.Unsynced(func(transaction *sqlite.Transaction) {
		for _, missing := range scrubbed.Missing {
			transaction.Execute(scrubbing.setChecksum, int64(missing.Checksum), missing.Group, missing.Key)
		}
		if scrubbed.Ended {
			transaction.Execute(scrubbing.saveEnd, scrubbing.config.Clock.Now().UnixMilli())
		}
	})
	if err == nil {
		scrubbing.config.Disk.Written(len(scrubbed.Missing) * sqlite.RowBytes)
	}
	return err
}
