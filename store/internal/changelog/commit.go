// SPDX-License-Identifier: EUPL-1.2

package changelog

import "time"

// Commit is one batch of the log: all changes of one transaction of the database. The events
// are shared; do not change them.
type Commit struct {
	// ID rises by one with each commit of the store.
	ID uint64
	// Events is empty if the row of the log is damaged. The log of the program then says so.
	Events []Event

	committedAt time.Time
	end         Totals
	damaged     bool
}

// NewCommit returns the commit before a position.
func NewCommit(end Position, committedAt time.Time, events []Event) Commit {
	return Commit{ID: end.CommitID, Events: events, committedAt: committedAt, end: end.End}
}

// DecodeCommit returns the commit before a position, with the changes of a blob. If the blob is
// damaged, it returns the commit without events, and ErrDamaged.
func DecodeCommit(end Position, committedAt time.Time, blob []byte) (Commit, error) {
	events, err := decodeEvents(blob, committedAt)
	if err != nil {
		events = nil
	}
	commit := NewCommit(end, committedAt, events)
	commit.damaged = err != nil
	return commit, err
}

// PositionOf returns the position behind a commit.
func PositionOf(commit *Commit) Position { return Position{CommitID: commit.ID, End: commit.end} }

// CommittedAt returns the time of a commit.
func CommittedAt(commit *Commit) time.Time { return commit.committedAt }

// Damaged reports whether a commit has lost its events.
func Damaged(commit *Commit) bool { return commit.damaged }

// Position is a place in the log: behind a commit.
type Position struct {
	CommitID uint64
	End      Totals
}

// Behind returns the position behind the commit that comes next.
func (position Position) Behind(commit *Changes) Position {
	end := Totals{Changes: position.End.Changes + uint64(commit.Count), Bytes: position.End.Bytes + uint64(len(commit.Blob))}
	return Position{CommitID: position.CommitID + 1, End: end}
}

// Totals count everything ever logged in the life of the store, up to some commit.
type Totals struct {
	Changes uint64
	Bytes   uint64
}

// Since returns the part of the log between earlier totals and these.
func (totals Totals) Since(earlier Totals) Totals {
	return Totals{Changes: totals.Changes - earlier.Changes, Bytes: totals.Bytes - earlier.Bytes}
}
