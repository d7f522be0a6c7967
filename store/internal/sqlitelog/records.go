// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"fmt"
	"slices"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The bounds of the sections that the database keeps. Older sections may go, because the tables
// have their changes.
const (
	sectionsKept     = 1 << 16
	sectionBytesKept = 32 << 20
	// sectionsPerSlice is the most that one transaction removes.
	sectionsPerSlice = 1024
)

// Place is a place between two records.
type Place struct {
	// ID is the record before it, CommitID the newest commit with changes up to that record, and
	// Hash the hash of the record.
	ID, CommitID uint64
	Hash         changelog.Hash
}

// recordLog is the tables record_sections and record_start. The changes of a record are in the
// table of commits, and its sections in a table of their own.
type recordLog struct {
	storeID string
	changes *changeLog
	// unsynced runs a function in a transaction that does not wait for the disk.
	unsynced func(function func(transaction *sqlite.Transaction)) error
	// start is the place behind which every record is whole, and end the newest record.
	start, end Place
	// newest is the time of the newest record, in Unix nanoseconds. Before the first record since
	// the log was loaded, it is the time of the newest one with sections.
	newest int64
	// count and bytes are the number and the size of the sections.
	count, bytes int

	selectStart    *sqlite.Statement
	selectLast     *sqlite.Statement
	selectHash     *sqlite.Statement
	selectSize     *sqlite.Statement
	selectBefore   *sqlite.Statement
	selectCommits  *sqlite.Statement
	selectSections *sqlite.Statement
	insertSections *sqlite.Statement
	deleteSections *sqlite.Statement
	saveStart      *sqlite.Statement
}

func newRecordLog(session *sqlite.Session, changes *changeLog, unsynced func(function func(transaction *sqlite.Transaction)) error) *recordLog {
	return &recordLog{
		changes: changes, unsynced: unsynced,
		selectStart:    session.Prepare(`SELECT record_id, commit_id, hash FROM record_start`),
		selectLast:     session.Prepare(`SELECT record_id, commit_id, hash, committed_at FROM record_sections ORDER BY record_id DESC LIMIT 1`),
		selectHash:     session.Prepare(`SELECT hash FROM commits WHERE id = ?`),
		selectSize:     session.Prepare(`SELECT count(*), ifnull(sum(octet_length(sections)), 0) FROM record_sections WHERE record_id <= ?`),
		selectBefore:   session.Prepare(`SELECT record_id, commit_id, hash FROM record_sections WHERE record_id > ? ORDER BY record_id`),
		selectCommits:  session.Prepare(`SELECT committed_at, changes, hash FROM commits WHERE id > ? ORDER BY id LIMIT ?`),
		selectSections: session.Prepare(`SELECT record_id, commit_id, has_changes, committed_at, hash, sections FROM record_sections WHERE record_id > ? ORDER BY record_id LIMIT ?`),
		insertSections: session.Prepare(`INSERT INTO record_sections (record_id, commit_id, has_changes, committed_at, hash, sections) VALUES (?, ?, ?, ?, ?, ?)`),
		deleteSections: session.Prepare(`DELETE FROM record_sections WHERE record_id <= ?`),
		saveStart:      session.Prepare(`UPDATE record_start SET record_id = ?, commit_id = ?, hash = ?`),
	}
}

// load reads where the log begins and ends. The change log is loaded before.
func (log *recordLog) load(storeID string) error {
	log.storeID = storeID
	place := func(row sqlite.Row) Place {
		return Place{ID: row.Unsigned(0), CommitID: row.Unsigned(1), Hash: changelog.Hash(row.Unsigned(2))}
	}
	err := log.selectStart.Query(func(row sqlite.Row) bool {
		log.start = place(row)
		return false
	})
	if err != nil {
		return err
	}
	log.end = log.start
	if err := log.selectLast.Query(func(row sqlite.Row) bool {
		log.end, log.newest = place(row), row.Signed(3)
		return false
	}); err != nil {
		return err
	}
	if log.end, err = log.along(log.end, log.changes.lastID); err != nil {
		return err
	}
	log.count, log.bytes, err = log.size(log.end.ID)
	return err
}

// along returns the place behind a commit that has no sections between itself and a place.
func (log *recordLog) along(from Place, commitID uint64) (Place, error) {
	if commitID <= from.CommitID {
		return from, nil
	}
	hash, _, err := log.selectHash.Integer(int64(commitID))
	return Place{ID: from.ID + commitID - from.CommitID, CommitID: commitID, Hash: changelog.Hash(hash)}, err
}

// size returns the number and the size of the sections up to a record.
func (log *recordLog) size(through uint64) (count, bytes int, err error) {
	err = log.selectSize.Query(func(row sqlite.Row) bool {
		count, bytes = int(row.Signed(0)), int(row.Signed(1))
		return false
	}, int64(through))
	return count, bytes, err
}

// write writes the sections of an entry in the transaction of the caller.
func (log *recordLog) write(transaction *sqlite.Transaction, entry *Entry) {
	record := &entry.Record
	if len(record.Sections) == 0 {
		return
	}
	hasChanges := int64(min(entry.Changes.Count, 1))
	transaction.Execute(log.insertSections, int64(record.ID), int64(entry.Place.CommitID), hasChanges, record.CommittedAt, int64(entry.Place.Hash), record.Sections)
}

// writeDeferred writes the sections of deferred commits in the transaction of the caller.
func (log *recordLog) writeDeferred(transaction *sqlite.Transaction, rows []logRow) {
	for index := range rows {
		if row := &rows[index]; len(row.sections) > 0 {
			transaction.Execute(log.insertSections, int64(row.record), int64(row.place.CommitID), int64(1), row.committedAt, int64(row.hash), row.sections)
		}
	}
}

// written records that an entry is committed.
func (log *recordLog) written(entry *Entry) {
	log.end, log.newest = entry.Place, entry.Record.CommittedAt
	if size := len(entry.Record.Sections); size > 0 {
		log.count++
		log.bytes += size
	}
}

// after returns whole records, and checks their chain.
func (log *recordLog) after(id uint64) (records []changelog.Record, err error) {
	if id < log.start.ID {
		return nil, fmt.Errorf("%w: record %d", changelog.ErrTrimmed, id+1)
	}
	if err := log.changes.deferred.flush(); err != nil {
		return nil, err
	}
	at, err := log.placeOf(id)
	if err != nil {
		return nil, err
	}
	found, err := log.readSections(at.ID)
	if err != nil {
		return nil, err
	}
	commits, err := log.readCommits(at.CommitID)
	if err != nil {
		return nil, err
	}
	return log.joined(at, commits, found)
}

// placeOf returns the place behind a record.
func (log *recordLog) placeOf(id uint64) (Place, error) {
	before := log.start
	err := log.selectBefore.Query(func(row sqlite.Row) bool {
		if row.Unsigned(0) > id {
			return false
		}
		before = Place{ID: row.Unsigned(0), CommitID: row.Unsigned(1), Hash: changelog.Hash(row.Unsigned(2))}
		return true
	}, int64(before.ID))
	if err != nil {
		return before, err
	}
	return log.along(before, before.CommitID+id-before.ID)
}

// hashOf returns the hash of a record up to the end, false if it is gone.
func (log *recordLog) hashOf(id uint64) (changelog.Hash, bool, error) {
	place := log.end
	if id < log.start.ID {
		return 0, false, nil
	}
	if id != place.ID {
		var err error
		if place, err = log.placeOf(id); err != nil {
			return 0, false, err
		}
	}
	return place.Hash, place.Hash != 0, nil
}

// sectionsOfRecord is a row of record_sections.
type sectionsOfRecord struct {
	place       Place
	hasChanges  bool
	committedAt int64
	blob        []byte
}

func (log *recordLog) readSections(after uint64) (found []sectionsOfRecord, err error) {
	bytes := 0
	err = log.selectSections.Query(func(row sqlite.Row) bool {
		place := Place{ID: row.Unsigned(0), CommitID: row.Unsigned(1), Hash: changelog.Hash(row.Unsigned(4))}
		found = append(found, sectionsOfRecord{place: place, hasChanges: row.Signed(2) == 1, committedAt: row.Signed(3), blob: slices.Clone(row.Bytes(5))})
		bytes += len(row.Bytes(5))
		return bytes < bytesPerRead
	}, int64(after), int64(commitsPerRead))
	return found, err
}

// readCommits returns records that have only the part in commits.
func (log *recordLog) readCommits(after uint64) (records []changelog.Record, err error) {
	bytes := 0
	err = log.selectCommits.Query(func(row sqlite.Row) bool {
		records = append(records, changelog.Record{CommittedAt: row.Signed(0), Changes: slices.Clone(row.Bytes(1)), Previous: changelog.Hash(row.Unsigned(2))})
		bytes += len(row.Bytes(1))
		return bytes < bytesPerRead
	}, int64(after), int64(commitsPerRead))
	return records, err
}

// joined puts the records behind a place together, until one of the lists is at its end. The
// commits have their own hashes in the place of the hashes before them.
func (log *recordLog) joined(at Place, commits []changelog.Record, sections []sectionsOfRecord) (records []changelog.Record, err error) {
	for at.ID < log.end.ID {
		record, next := changelog.Record{}, Place{ID: at.ID + 1, CommitID: at.CommitID}
		withSections := len(sections) > 0 && sections[0].place.ID == next.ID
		if !withSections || sections[0].hasChanges {
			if len(commits) == 0 {
				break
			}
			record, commits = commits[0], commits[1:]
			next.CommitID, next.Hash = at.CommitID+1, record.Previous
		}
		if withSections {
			record.CommittedAt, record.Sections, next.Hash = sections[0].committedAt, sections[0].blob, sections[0].place.Hash
			sections = sections[1:]
		}
		record.StoreID, record.ID, record.Previous = log.storeID, next.ID, at.Hash
		if record.Hash() != next.Hash {
			if len(records) == 0 {
				err = fmt.Errorf("%w: record %d does not have its hash", changelog.ErrDamaged, record.ID)
			}
			break
		}
		records, at = append(records, record), next
		if withSections && len(sections) == 0 {
			break // there may be more than were read
		}
	}
	return records, err
}

// recordSlice has the oldest records, which are no longer whole.
type recordSlice struct {
	start        Place
	count, bytes int
}

// sliceTo returns the slice of the records before a place.
func (log *recordLog) sliceTo(place Place) (slice recordSlice, err error) {
	slice.start = place
	slice.count, slice.bytes, err = log.size(place.ID)
	return slice, err
}

// trimmedWith returns the records that are no longer whole without the commits up to one.
func (log *recordLog) trimmedWith(commitID uint64) (recordSlice, error) {
	if commitID <= log.start.CommitID {
		return recordSlice{start: log.start}, nil
	}
	before := log.start
	err := log.selectBefore.Query(func(row sqlite.Row) bool {
		place := Place{ID: row.Unsigned(0), CommitID: row.Unsigned(1), Hash: changelog.Hash(row.Unsigned(2))}
		if place.CommitID > commitID {
			return false
		}
		before = place
		return true
	}, int64(before.ID))
	if err != nil {
		return recordSlice{}, err
	}
	place, err := log.along(before, commitID)
	if err != nil {
		return recordSlice{}, err
	}
	return log.sliceTo(place)
}

// remove removes the sections of a slice in the transaction of the caller.
func (log *recordLog) remove(transaction *sqlite.Transaction, slice recordSlice) {
	if slice.start == log.start {
		return
	}
	transaction.Execute(log.deleteSections, int64(slice.start.ID))
	transaction.Execute(log.saveStart, int64(slice.start.ID), int64(slice.start.CommitID), int64(slice.start.Hash))
}

func (log *recordLog) removed(slice recordSlice) {
	log.start = slice.start
	log.count -= slice.count
	log.bytes -= slice.bytes
}

// trim removes the sections of records. Their changes stay for the readers of changes, as long
// as the retention says.
func (log *recordLog) trim(through uint64) error {
	if through = min(through, log.end.ID); through <= log.start.ID {
		return nil
	}
	place, err := log.placeOf(through)
	if err != nil {
		return err
	}
	slice, err := log.sliceTo(place)
	if err != nil {
		return err
	}
	if err := log.unsynced(func(transaction *sqlite.Transaction) { log.remove(transaction, slice) }); err != nil {
		return err
	}
	log.removed(slice)
	return nil
}

// sectionsAreMany reports whether old sections are to be removed.
func (log *recordLog) sectionsAreMany() bool {
	return log.count > sectionsKept || log.bytes > sectionBytesKept
}

// oldestSections returns the last record of a slice of the oldest sections.
func (log *recordLog) oldestSections() (through uint64, err error) {
	count := 0
	err = log.selectBefore.Query(func(row sqlite.Row) bool {
		through = row.Unsigned(0)
		count++
		return count < sectionsPerSlice
	}, int64(log.start.ID))
	return through, err
}
