// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
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
	// start is the totals before the oldest commit, end those after the newest.
	start, end changelog.Totals
	// startedAt is not after the commit time of the oldest commit.
	startedAt  time.Time
	startIsOld bool
	damage     damage

	// deferred has the commits that are not in the database yet.
	deferred deferredLog

	selectLast            *sqlite.Statement
	selectFirst           *sqlite.Statement
	selectAfter           *sqlite.Statement
	selectNamespace       *sqlite.Statement
	selectPlacesAfter     *sqlite.Statement
	selectNamespacesOf    *sqlite.Statement
	selectCommittedAfter  *sqlite.Statement
	deleteCommits         *sqlite.Statement
	deleteNamespaceCommit *sqlite.Statement
	deletePlacesOf        *sqlite.Statement
}

func newChangeLog(session *sqlite.Session, config Config) *changeLog {
	return &changeLog{
		damage:      damage{logger: config.Logger, reported: map[string]struct{}{}},
		deferred:    newDeferredLog(session, config),
		selectLast:  session.Prepare(`SELECT id, committed_at, changes_total, bytes_total FROM commits ORDER BY id DESC LIMIT 1`),
		selectFirst: session.Prepare(`SELECT id, committed_at, changes_total, bytes_total, changes FROM commits ORDER BY id LIMIT 1`),
		selectAfter: session.Prepare(`SELECT id, committed_at, changes_total, bytes_total, changes FROM commits WHERE id > ? ORDER BY id LIMIT ?`),
		selectNamespace: session.Prepare(`SELECT commits.committed_at, commits.changes, commits.id FROM namespace_commits JOIN commits ON commits.id = namespace_commits.commit_id
			WHERE namespace = ? AND first_revision >= (SELECT max(first_revision) FROM namespace_commits WHERE namespace = ? AND first_revision <= ?)
			ORDER BY first_revision LIMIT ?`),
		selectPlacesAfter: session.Prepare(`SELECT first_revision, commits.changes FROM namespace_commits JOIN commits ON commits.id = namespace_commits.commit_id
			WHERE namespace = ? AND first_revision > ? ORDER BY first_revision`),
		selectNamespacesOf:    session.Prepare(`SELECT DISTINCT namespace FROM namespace_commits WHERE commit_id = ?`),
		selectCommittedAfter:  session.Prepare(`SELECT committed_at FROM commits WHERE id > ? ORDER BY id LIMIT 1`),
		deleteCommits:         session.Prepare(`DELETE FROM commits WHERE id <= ?`),
		deleteNamespaceCommit: session.Prepare(`DELETE FROM namespace_commits WHERE namespace = ? AND first_revision = ?`),
		deletePlacesOf:        session.Prepare(`DELETE FROM namespace_commits WHERE commit_id = ?`),
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
	return log.loadStart()
}

func (log *changeLog) loadStart() error {
	log.firstID = 1
	return log.selectFirst.Query(func(row sqlite.Row) bool {
		first, size := log.readCommit(row)
		log.firstID, log.startedAt = first.ID, changelog.CommittedAt(&first)
		log.start = changelog.PositionOf(&first).End.Since(changelog.Totals{Changes: uint64(len(first.Events)), Bytes: uint64(size)})
		return false
	})
}

// written records that the changes of an entry are committed, or deferred.
func (log *changeLog) written(entry *Entry) {
	log.lastID, log.committedAt, log.end = entry.End.CommitID, entry.committedAt(), entry.End.End
	if log.startedAt.IsZero() {
		log.startedAt = log.committedAt
	}
}

// after returns the commits after one, bounded by number and bytes.
func (log *changeLog) after(id uint64) (commits []changelog.Commit, err error) {
	if err := log.deferred.flush(); err != nil {
		return nil, err
	}
	bytes := 0
	err = log.selectAfter.Query(func(row sqlite.Row) bool {
		commit, size := log.readCommit(row)
		commits = append(commits, commit)
		bytes += size
		return bytes < bytesPerRead
	}, int64(id), int64(commitsPerRead))
	return commits, err
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
	if err := log.deferred.flush(); err != nil {
		return err
	}
	bytes := 0
	return log.selectNamespace.Query(func(row sqlite.Row) bool {
		blob := row.Bytes(1)
		more, err := take(blob, time.Unix(0, row.Signed(0)).UTC())
		if err != nil {
			log.damage.ofCommit(row.Unsigned(2), err)
		}
		bytes += len(blob)
		return err == nil && more && bytes < bytesPerRead
	}, namespace, namespace, int64(after+1), int64(commitsPerRead))
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
	if err := log.deferred.flush(); err != nil {
		return time.Time{}, err
	}
	nanoseconds, found, err := log.selectCommittedAfter.Integer(int64(id))
	if err != nil || !found {
		return time.Time{}, err
	}
	return time.Unix(0, nanoseconds).UTC(), nil
}
