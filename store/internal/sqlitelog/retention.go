// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"math"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Retention bounds the change log. If the log has more changes or bytes, the namespace that holds
// most of them loses its oldest. Changes that are too old go, whoever made them. Changes that a
// registered consumer has not acknowledged are kept.
type Retention struct {
	// Age is the longest age of a change; 0 is DefaultRetentionAge.
	Age time.Duration
	// Count is the largest number of changes; 0 is DefaultRetentionCount.
	Count uint64
	// Bytes is the largest size of the log; 0 is DefaultRetentionBytes.
	Bytes uint64
}

// Slice has the changes that are trimmed at once.
type Slice struct {
	// Oldest is the new lowest revision of each namespace that loses changes.
	Oldest map[string]uint64
	// Events are changes that go from the database. Readers may have lost them before.
	Events []changelog.Event
	// Lost are the namespaces whose changes a damaged commit has lost.
	Lost []string

	// places are the rows of namespace_commits that go, and rows are those of commits that
	// change, in their order. shares are what the namespaces hold then.
	places []place
	rows   []*cutRow
	shares map[*holding]share
	// records are the records that are no longer whole.
	records recordSlice
}

// IsEmpty reports whether nothing may go.
func (slice *Slice) IsEmpty() bool { return len(slice.rows) == 0 }

func (slice *Slice) last() uint64 { return slice.rows[len(slice.rows)-1].id }

// freed returns by how many bytes the rows of the log become smaller.
func (slice *Slice) freed() (bytes uint64) {
	for _, row := range slice.rows {
		if row.written {
			bytes += row.bytes - uint64(len(row.thinned))
		}
	}
	return bytes
}

// position returns the end of the log.
func (log *changeLog) position() changelog.Position {
	return changelog.Position{CommitID: log.lastID, End: log.end}
}

// size returns the size of the rows of the log.
func (log *changeLog) size() uint64 { return log.end.Bytes - min(log.gone, log.end.Bytes) }

// trimmable returns what a bound no longer covers, up to the commit last. The newest commit stays.
func (log *changeLog) trimmable(retention Retention, now time.Time, last uint64) (Slice, error) {
	log.startIsOld = false
	if err := log.deferred.flush(); err != nil || log.lastID == 0 {
		return Slice{}, err
	}
	held := &log.holdings
	cut := newCut(log, min(last, log.lastID-1))
	err := cut.byAge(retention.Age, now)
	if err == nil {
		err = cut.byLimit()
	}
	if goal := below(retention.Count); err == nil && held.changes > retention.Count {
		err = cut.bySize(held.byChanges, (*share).changes, goal, func() bool { return held.changes > goal })
	}
	if goal := below(retention.Bytes); err == nil && log.size() > retention.Bytes {
		// A row can have some bytes that are gone.
		room := goal / goneOfRow * (goneOfRow - 1)
		err = cut.bySize(held.byBytes, (*share).size, room, func() bool { return log.size()-min(cut.freed, log.size()) > goal })
	}
	slice, sliceErr := cut.slice()
	if err == nil {
		err = sliceErr
	}
	return slice, err
}

// below returns the size to which a log is trimmed that has passed a bound.
func below(bound uint64) uint64 { return bound - bound/slackOfBound }

// placesIn gives the namespaces that have a place in a commit, and the bytes of each. It looks
// through all rows of namespace_commits.
func (log *changeLog) placesIn(id uint64, take func(namespace string, bytes uint64)) error {
	return log.selectPlacesIn.Query(func(row sqlite.Row) bool {
		take(row.Text(0), row.Unsigned(1))
		return true
	}, int64(id))
}

// readRow returns the changes of a commit, and its time.
func (log *changeLog) readRow(id uint64) (blob []byte, committedAt time.Time, err error) {
	err = log.selectRow.Query(func(row sqlite.Row) bool {
		blob, committedAt = append(blob, row.Bytes(0)...), time.Unix(0, row.Signed(1)).UTC()
		return false
	}, int64(id))
	return blob, committedAt, err
}

// remove removes a slice in the transaction of the caller.
func (log *changeLog) remove(transaction *sqlite.Transaction, slice *Slice) {
	for index := range slice.places {
		transaction.Execute(log.deletePlace, slice.places[index].namespace, int64(slice.places[index].first))
	}
	for index := 0; index < len(slice.rows); index++ {
		row := slice.rows[index]
		first := row.id
		for row.goes() && index+1 < len(slice.rows) && slice.rows[index+1].goes() && slice.rows[index+1].id == row.id+1 {
			log.removePlaces(transaction, row)
			index++
			row = slice.rows[index]
		}
		log.removePlaces(transaction, row)
		switch {
		case row.goes():
			transaction.Execute(log.deleteCommits, int64(first), int64(row.id))
			transaction.Execute(log.deleteThinned, int64(first), int64(row.id))
		case row.written:
			transaction.Execute(log.updateCommit, row.thinned, int64(row.id))
			transaction.Execute(log.deleteThinned, int64(row.id), int64(row.id))
		case row.gone != row.before:
			transaction.Execute(log.upsertThinned, int64(row.id), int64(min(row.gone, math.MaxInt64)))
		}
	}
	transaction.Execute(log.saveGone, int64(log.gone+slice.freed()))
}

// goes reports whether nothing of a row is left.
func (row *cutRow) goes() bool { return row.written && len(row.thinned) == 0 }

// removePlaces removes the places in a lost row.
func (log *changeLog) removePlaces(transaction *sqlite.Transaction, row *cutRow) {
	if row.lost {
		transaction.Execute(log.deletePlacesOf, int64(row.id))
	}
}

// removed records that a slice is removed.
func (log *changeLog) removed(slice *Slice) error {
	log.gone += slice.freed()
	for held, next := range slice.shares {
		log.holdings.become(held, next)
	}
	log.holdings.rank() // nothing holds what is forgotten
	return log.loadFirst()
}

// isOver reports whether a bound of the retention is passed, by the numbers in memory. The age is
// as lookAtAge has found it.
func (log *changeLog) isOver(retention Retention, last uint64) bool {
	isHindered := min(last, log.lastID-1) < log.holdings.hinderedTo
	return log.holdings.changes > retention.Count || log.size() > retention.Bytes || log.startIsOld || len(log.holdings.over) > 0 && !isHindered
}

// lookAtAge finds out whether the log is older than the retention allows. Holdings above their limits
// are looked at again, because somebody may have read them meanwhile.
func (log *changeLog) lookAtAge(retention Retention, now time.Time) {
	log.holdings.hinderedTo = 0
	log.startIsOld = now.Sub(log.startedAt) > retention.Age
}
