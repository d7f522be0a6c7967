// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"cmp"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The bounds of one read of the log from the database.
const (
	commitsPerRead = 256
	bytesPerRead   = 1 << 20
)

// changeLog is the tables commits and namespace_commits.
type changeLog struct {
	// firstID and lastID are the oldest and the newest commit. The log is empty if lastID is 0.
	firstID, lastID uint64
	committedAt     time.Time
	// end is the totals after the newest commit. gone is the number of bytes of all that was ever
	// logged that the rows no longer have.
	end  changelog.Totals
	gone uint64
	// startedAt is the commit time of the oldest commit.
	startedAt  time.Time
	startIsOld bool
	holdings   holdings
	damage     damage

	// deferred has the commits that are not in the database yet.
	deferred deferredLog

	selectLast           *sqlite.Statement
	selectFirst          *sqlite.Statement
	selectTimes          *sqlite.Statement
	selectAfter          *sqlite.Statement
	selectRow            *sqlite.Statement
	selectGone           *sqlite.Statement
	selectNamespace      *sqlite.Statement
	selectPlaces         *sqlite.Statement
	selectPlacesAfter    *sqlite.Statement
	selectPlacesIn       *sqlite.Statement
	selectCommittedAfter *sqlite.Statement
	deleteCommits        *sqlite.Statement
	updateCommit         *sqlite.Statement
	deletePlace          *sqlite.Statement
	deletePlacesOf       *sqlite.Statement
	upsertThinned        *sqlite.Statement
	deleteThinned        *sqlite.Statement
	saveGone             *sqlite.Statement
}

func newChangeLog(session *sqlite.Session, config Config) *changeLog {
	return &changeLog{
		holdings:    newHoldings(session),
		damage:      damage{logger: config.Logger, reported: map[string]struct{}{}},
		deferred:    newDeferredLog(session, config),
		selectLast:  session.Prepare(`SELECT id, committed_at, changes_total, bytes_total FROM commits ORDER BY id DESC LIMIT 1`),
		selectFirst: session.Prepare(`SELECT id, committed_at FROM commits ORDER BY id LIMIT 1`),
		selectTimes: session.Prepare(`SELECT id, committed_at FROM commits ORDER BY id LIMIT ?`),
		selectAfter: session.Prepare(`SELECT id, committed_at, changes_total, bytes_total, changes FROM commits WHERE id > ? ORDER BY id LIMIT ?`),
		selectRow:   session.Prepare(`SELECT changes, committed_at FROM commits WHERE id = ?`),
		selectGone:  session.Prepare(`SELECT value FROM meta WHERE name = 'log_gone'`),
		selectNamespace: session.Prepare(`SELECT commits.committed_at, commits.changes, commits.id FROM namespace_commits JOIN commits ON commits.id = namespace_commits.commit_id
			WHERE namespace = ? AND first_revision >= (SELECT max(first_revision) FROM namespace_commits WHERE namespace = ? AND first_revision <= ?)
			ORDER BY first_revision LIMIT ?`),
		selectPlaces: session.Prepare(`SELECT first_revision, place.commit_id, place.bytes, place.bytes_total, ifnull(octet_length(changes), 0), ifnull(thinned.bytes, 0)
			FROM namespace_commits AS place LEFT JOIN commits ON commits.id = place.commit_id LEFT JOIN commits_thinned AS thinned ON thinned.commit_id = place.commit_id
			WHERE namespace = ? AND first_revision >= ? ORDER BY first_revision LIMIT ?`),
		selectPlacesAfter: session.Prepare(`SELECT first_revision, commits.changes FROM namespace_commits JOIN commits ON commits.id = namespace_commits.commit_id
			WHERE namespace = ? AND first_revision > ? ORDER BY first_revision`),
		selectPlacesIn:       session.Prepare(`SELECT namespace, bytes FROM namespace_commits WHERE commit_id = ?`),
		selectCommittedAfter: session.Prepare(`SELECT committed_at FROM commits WHERE id > ? ORDER BY id LIMIT 1`),
		deleteCommits:        session.Prepare(`DELETE FROM commits WHERE id BETWEEN ? AND ?`),
		updateCommit:         session.Prepare(`UPDATE commits SET changes = ? WHERE id = ?`),
		deletePlace:          session.Prepare(`DELETE FROM namespace_commits WHERE namespace = ? AND first_revision = ?`),
		deletePlacesOf:       session.Prepare(`DELETE FROM namespace_commits WHERE commit_id = ?`),
		upsertThinned:        session.Prepare(`INSERT INTO commits_thinned (commit_id, bytes) VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes`),
		deleteThinned:        session.Prepare(`DELETE FROM commits_thinned WHERE commit_id BETWEEN ? AND ?`),
		saveGone:             session.Prepare(`UPDATE meta SET value = ? WHERE name = 'log_gone'`),
	}
}

// load reads where the log stands.
func (log *changeLog) load() error {
	err := log.selectLast.Query(func(row sqlite.Row) bool {
		log.lastID = row.Unsigned(0)
		log.committedAt = time.Unix(0, row.Signed(1)).UTC()
		log.end = changelog.Totals{Changes: row.Unsigned(2), Bytes: row.Unsigned(3)}
		return false
	})
	if err != nil {
		return err
	}
	gone, _, err := log.selectGone.Integer()
	if err != nil {
		return err
	}
	log.gone = uint64(gone)
	return cmp.Or(log.loadFirst(), log.checkFirst())
}

// checkFirst tells the operator if the oldest commit is damaged.
func (log *changeLog) checkFirst() error {
	blob, committedAt, err := log.readRow(log.firstID)
	if err != nil || log.firstID > log.lastID {
		return err
	}
	if _, err := changelog.DecodeCommit(changelog.Position{CommitID: log.firstID}, committedAt, blob); err != nil {
		log.damage.ofCommit(log.firstID, err)
	}
	return nil
}

// loadFirst reads which commit is the oldest.
func (log *changeLog) loadFirst() error {
	first := log.lastID + 1
	err := log.selectFirst.Query(func(row sqlite.Row) bool {
		first, log.startedAt = row.Unsigned(0), time.Unix(0, row.Signed(1)).UTC()
		return false
	})
	if err == nil {
		log.firstID = first
	}
	return err
}

// written records that the changes of an entry are committed, or deferred.
func (log *changeLog) written(entry *Entry) {
	log.lastID, log.committedAt, log.end = entry.End.CommitID, entry.committedAt(), entry.End.End
	for _, section := range entry.Changes.Namespaces {
		log.holdings.grow(section, log.lastID)
	}
	if log.startedAt.IsZero() {
		log.startedAt = log.committedAt
	}
}

// rowOf returns the row of an entry that comes next.
func (log *changeLog) rowOf(entry *Entry) logRow {
	for _, section := range entry.Changes.Namespaces {
		section.BytesLogged = log.holdings.next(section)
	}
	return logRow{
		place: entry.End, committedAt: entry.Record.CommittedAt, commit: entry.Changes,
		record: entry.Record.ID, hash: entry.Place.Hash, sections: entry.Record.Sections,
	}
}

// after returns the commits after one, bounded by number and bytes.
func (log *changeLog) after(id uint64) (commits []changelog.Commit, err error) {
	bytes := 0
	if id < log.deferred.behind(log.lastID) {
		err = log.selectAfter.Query(func(row sqlite.Row) bool {
			commit, size := log.readCommit(row)
			commits = append(commits, commit)
			bytes += size
			return bytes < bytesPerRead
		}, int64(id), int64(commitsPerRead))
	}
	if err != nil || len(commits) > 0 {
		return commits, err
	}
	for _, row := range log.deferred.after(id) {
		commit, err := changelog.DecodeCommit(row.place, row.time(), row.commit.Blob)
		if err != nil {
			return commits, err
		}
		commits = append(commits, commit)
		if bytes += len(row.commit.Blob); bytes >= bytesPerRead {
			break
		}
	}
	return commits, nil
}

// readCommit reads a row of id, committed_at, changes_total, bytes_total, changes.
func (log *changeLog) readCommit(row sqlite.Row) (commit changelog.Commit, size int) {
	blob := row.Bytes(4)
	end := changelog.Position{CommitID: row.Unsigned(0), End: changelog.Totals{Changes: row.Unsigned(2), Bytes: row.Unsigned(3)}}
	commit, err := changelog.DecodeCommit(end, time.Unix(0, row.Signed(1)).UTC(), blob)
	if err != nil {
		log.damage.ofCommit(commit.ID, err)
	}
	return commit, len(blob)
}

// changes gives the commits of a namespace behind a revision to take, bounded by number and
// bytes, while take wants more. Its error is damage, which ends the reading.
func (log *changeLog) changes(namespace string, after uint64, take func(blob []byte, committedAt time.Time) (more bool, err error)) error {
	commits, bytes, goesOn := 0, 0, true
	read := func(id uint64, blob []byte, committedAt time.Time) bool {
		more, err := take(blob, committedAt)
		if err != nil {
			log.damage.ofCommit(id, err)
		}
		commits++
		bytes += len(blob)
		goesOn = err == nil && more && bytes < bytesPerRead && commits < commitsPerRead
		return goesOn
	}
	err := log.selectNamespace.Query(func(row sqlite.Row) bool {
		return read(row.Unsigned(2), row.Bytes(1), time.Unix(0, row.Signed(0)).UTC())
	}, namespace, namespace, int64(after+1), int64(commitsPerRead))
	for index := 0; index < len(log.deferred.rows) && err == nil && goesOn; index++ {
		row := &log.deferred.rows[index]
		if section := row.sectionOf(namespace); section != nil && section.Behind() > after+1 {
			read(row.place.CommitID, row.commit.Blob, row.time())
		}
	}
	return err
}

// hole returns the error for a reader behind a revision whose next changes the database has
// lost. The reader continues behind them, as behind trimmed changes.
func (log *changeLog) hole(namespace string, after, revision uint64) error {
	log.damage.ofRevision(namespace, after+1)
	compacted := &failure.CompactedError{Namespace: namespace, After: after, Oldest: revision + 1, Revision: revision}
	err := log.selectPlacesAfter.Query(func(row sqlite.Row) bool {
		readable := holdsRevision(row.Bytes(1), namespace, row.Unsigned(0))
		if readable {
			compacted.Oldest = row.Unsigned(0)
		}
		return !readable
	}, namespace, int64(after+1))
	if err != nil {
		return err
	}
	if first, waits := log.deferred.oldest(namespace); waits && first > after+1 {
		compacted.Oldest = min(compacted.Oldest, first)
	}
	return compacted
}

// holdsRevision reports whether a blob is whole and has a section of a namespace that
// begins with a revision.
func holdsRevision(blob []byte, namespace string, revision uint64) (holds bool) {
	err := changelog.ReadChanges(blob, time.Time{}, func(header changelog.NamespaceChanges) func(*changelog.Event) bool {
		holds = holds || header.Namespace == namespace && header.FirstRevision == revision
		return nil
	})
	return err == nil && holds
}

// oldestAfter returns when the oldest commit after one was committed, zero if there is none.
func (log *changeLog) oldestAfter(id uint64) (time.Time, error) {
	nanoseconds, found, err := log.selectCommittedAfter.Integer(int64(id))
	if waiting := log.deferred.after(id); err == nil && !found && len(waiting) > 0 {
		return waiting[0].time(), nil
	}
	if err != nil || !found {
		return time.Time{}, err
	}
	return time.Unix(0, nanoseconds).UTC(), nil
}
