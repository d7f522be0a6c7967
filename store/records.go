// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"slices"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The bounds of the sections that the database keeps. The tables have what they say.
const (
	sectionsKept     = 1 << 16
	sectionBytesKept = 32 << 20
	// sectionsPerSlice is the most that one transaction removes.
	sectionsPerSlice = 1024
)

// recordPlace is a place between two records.
type recordPlace struct {
	// id is the record before it, and commitID the newest commit with changes up to that record.
	id, commitID uint64
	hash         changelog.Hash
}

// databaseLog has the records of a store in its database. It is the log of a store that is
// alone: a record is in the log when the transaction that installs it is committed. The changes
// of a record are in the table of commits, and its sections in a table of their own.
type databaseLog struct {
	storeID string
	log     *changeLog
	// unsynced runs a function in a transaction that does not wait for the disk.
	unsynced func(function func(transaction *sqlite.Transaction)) error
	// start is the place behind which every record is whole, and end the newest record.
	start, end recordPlace
	// newest is the time of the newest record with sections, in Unix nanoseconds.
	newest int64
	// count and bytes are how many sections there are.
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

func newDatabaseLog(session *sqlite.Session, log *changeLog, unsynced func(function func(transaction *sqlite.Transaction)) error) *databaseLog {
	return &databaseLog{
		log: log, unsynced: unsynced,
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
func (database *databaseLog) load(storeID string) error {
	database.storeID = storeID
	place := func(row sqlite.Row) recordPlace {
		return recordPlace{id: row.Unsigned(0), commitID: row.Unsigned(1), hash: changelog.Hash(row.Unsigned(2))}
	}
	err := database.selectStart.Query(func(row sqlite.Row) bool {
		database.start = place(row)
		return false
	})
	if err != nil {
		return err
	}
	database.end = database.start
	if err := database.selectLast.Query(func(row sqlite.Row) bool {
		database.end, database.newest = place(row), row.Signed(3)
		return false
	}); err != nil {
		return err
	}
	if database.end, err = database.along(database.end, database.log.lastID); err != nil {
		return err
	}
	database.count, database.bytes, err = database.size(database.end.id)
	return err
}

// along returns the place behind a commit that has no sections between itself and a place.
func (database *databaseLog) along(from recordPlace, commitID uint64) (recordPlace, error) {
	if commitID <= from.commitID {
		return from, nil
	}
	hash, _, err := database.selectHash.Integer(int64(commitID))
	return recordPlace{id: from.id + commitID - from.commitID, commitID: commitID, hash: changelog.Hash(hash)}, err
}

// size returns how many sections there are up to a record.
func (database *databaseLog) size(through uint64) (count, bytes int, err error) {
	err = database.selectSize.Query(func(row sqlite.Row) bool {
		count, bytes = int(row.Signed(0)), int(row.Signed(1))
		return false
	}, int64(through))
	return count, bytes, err
}

// write writes the sections of a record in the transaction of the caller.
func (database *databaseLog) write(transaction *sqlite.Transaction, next *sealed) {
	record := &next.record
	if len(record.Sections) == 0 {
		return
	}
	hasChanges := int64(min(len(next.batch.events), 1))
	transaction.Execute(database.insertSections, int64(record.ID), int64(next.place.commitID), hasChanges, record.CommittedAt, int64(next.place.hash), record.Sections)
}

// written records that a record is committed.
func (database *databaseLog) written(next *sealed) {
	database.end = next.place
	if size := len(next.record.Sections); size > 0 {
		database.count++
		database.bytes += size
	}
}

// Append lets the record go on to its installation, which writes it.
func (*databaseLog) Append(_ *changelog.Record, acknowledged func(error)) { acknowledged(nil) }

// End is the newest record of the database.
func (database *databaseLog) End() (id uint64, hash changelog.Hash) {
	return database.end.id, database.end.hash
}

// Close does nothing: the database belongs to the store.
func (*databaseLog) Close() error { return nil }

// After returns whole records, and checks their chain.
func (database *databaseLog) After(id uint64) (records []changelog.Record, err error) {
	if id < database.start.id {
		return nil, fmt.Errorf("%w: record %d", changelog.ErrTrimmed, id+1)
	}
	if err := database.log.deferred.flush(); err != nil {
		return nil, err
	}
	at, err := database.placeOf(id)
	if err != nil {
		return nil, err
	}
	found, err := database.readSections(at.id)
	if err != nil {
		return nil, err
	}
	commits, err := database.readCommits(at.commitID)
	if err != nil {
		return nil, err
	}
	return database.joined(at, commits, found)
}

// placeOf returns the place behind a record.
func (database *databaseLog) placeOf(id uint64) (recordPlace, error) {
	before := database.start
	err := database.selectBefore.Query(func(row sqlite.Row) bool {
		if row.Unsigned(0) > id {
			return false
		}
		before = recordPlace{id: row.Unsigned(0), commitID: row.Unsigned(1), hash: changelog.Hash(row.Unsigned(2))}
		return true
	}, int64(before.id))
	if err != nil {
		return before, err
	}
	return database.along(before, before.commitID+id-before.id)
}

// sectionsOfRecord is a row of record_sections.
type sectionsOfRecord struct {
	place       recordPlace
	hasChanges  bool
	committedAt int64
	blob        []byte
}

func (database *databaseLog) readSections(after uint64) (found []sectionsOfRecord, err error) {
	bytes := 0
	err = database.selectSections.Query(func(row sqlite.Row) bool {
		place := recordPlace{id: row.Unsigned(0), commitID: row.Unsigned(1), hash: changelog.Hash(row.Unsigned(4))}
		found = append(found, sectionsOfRecord{place: place, hasChanges: row.Signed(2) == 1, committedAt: row.Signed(3), blob: slices.Clone(row.Bytes(5))})
		bytes += len(row.Bytes(5))
		return bytes < bytesPerRead
	}, int64(after), int64(commitsPerRead))
	return found, err
}

// readCommits returns records that have only the part in commits.
func (database *databaseLog) readCommits(after uint64) (records []changelog.Record, err error) {
	bytes := 0
	err = database.selectCommits.Query(func(row sqlite.Row) bool {
		records = append(records, changelog.Record{CommittedAt: row.Signed(0), Changes: slices.Clone(row.Bytes(1)), Previous: changelog.Hash(row.Unsigned(2))})
		bytes += len(row.Bytes(1))
		return bytes < bytesPerRead
	}, int64(after), int64(commitsPerRead))
	return records, err
}

// joined puts the records behind a place together, until one of the lists is at its end. The
// commits have their own hashes in the place of the hashes before them.
func (database *databaseLog) joined(at recordPlace, commits []changelog.Record, sections []sectionsOfRecord) (records []changelog.Record, err error) {
	for at.id < database.end.id {
		record, next := changelog.Record{}, recordPlace{id: at.id + 1, commitID: at.commitID}
		withSections := len(sections) > 0 && sections[0].place.id == next.id
		if !withSections || sections[0].hasChanges {
			if len(commits) == 0 {
				break
			}
			record, commits = commits[0], commits[1:]
			next.commitID, next.hash = at.commitID+1, record.Previous
		}
		if withSections {
			record.CommittedAt, record.Sections, next.hash = sections[0].committedAt, sections[0].blob, sections[0].place.hash
			sections = sections[1:]
		}
		record.StoreID, record.ID, record.Previous = database.storeID, next.id, at.hash
		if record.Hash() != next.hash {
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
	start        recordPlace
	count, bytes int
}

// sliceTo returns the slice of the records before a place.
func (database *databaseLog) sliceTo(place recordPlace) (slice recordSlice, err error) {
	slice.start = place
	slice.count, slice.bytes, err = database.size(place.id)
	return slice, err
}

// trimmedWith returns the records that are no longer whole without the commits up to one.
func (database *databaseLog) trimmedWith(commitID uint64) (recordSlice, error) {
	if commitID <= database.start.commitID {
		return recordSlice{start: database.start}, nil
	}
	before := database.start
	err := database.selectBefore.Query(func(row sqlite.Row) bool {
		place := recordPlace{id: row.Unsigned(0), commitID: row.Unsigned(1), hash: changelog.Hash(row.Unsigned(2))}
		if place.commitID > commitID {
			return false
		}
		before = place
		return true
	}, int64(before.id))
	if err != nil {
		return recordSlice{}, err
	}
	place, err := database.along(before, commitID)
	if err != nil {
		return recordSlice{}, err
	}
	return database.sliceTo(place)
}

// remove removes the sections of a slice in the transaction of the caller.
func (database *databaseLog) remove(transaction *sqlite.Transaction, slice recordSlice) {
	if slice.start == database.start {
		return
	}
	transaction.Execute(database.deleteSections, int64(slice.start.id))
	transaction.Execute(database.saveStart, int64(slice.start.id), int64(slice.start.commitID), int64(slice.start.hash))
}

func (database *databaseLog) removed(slice recordSlice) {
	database.start = slice.start
	database.count -= slice.count
	database.bytes -= slice.bytes
}

// Trim removes the sections of records. Their changes stay for the readers of changes, as long
// as the retention says.
func (database *databaseLog) Trim(through uint64) error {
	if through = min(through, database.end.id); through <= database.start.id {
		return nil
	}
	place, err := database.placeOf(through)
	if err != nil {
		return err
	}
	slice, err := database.sliceTo(place)
	if err != nil {
		return err
	}
	if err := database.unsynced(func(transaction *sqlite.Transaction) { database.remove(transaction, slice) }); err != nil {
		return err
	}
	database.removed(slice)
	return nil
}

// sectionsAreMany reports whether old sections are to be removed.
func (committer *committer) sectionsAreMany() bool {
	return committer.database.count > sectionsKept || committer.database.bytes > sectionBytesKept
}

// removeSections removes a slice of the oldest sections, and reports whether there is more.
func (committer *committer) removeSections() (more bool) {
	through, err := committer.database.oldestSections()
	if err == nil {
		err = committer.records.Trim(through)
	}
	committer.tried(workSections, err)
	return err == nil && committer.sectionsAreMany()
}

// oldestSections returns the last record of a slice of the oldest sections.
func (database *databaseLog) oldestSections() (through uint64, err error) {
	count := 0
	err = database.selectBefore.Query(func(row sqlite.Row) bool {
		through = row.Unsigned(0)
		count++
		return count < sectionsPerSlice
	}, int64(database.start.id))
	return through, err
}
