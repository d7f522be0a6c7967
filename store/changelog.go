// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"log/slog"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
)

// The bounds of one read of the log from the database.
const (
	commitsPerRead = 256
	bytesPerRead   = 1 << 20
)

// changeLog keeps the log in the database. It belongs to the committer's goroutine.
type changeLog struct {
	// firstID and lastID are the oldest and the newest commit; the log is empty if lastID is 0.
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

func newChangeLog(session *sqlite.Session, logger *slog.Logger) *changeLog {
	return &changeLog{
		damage:      damage{logger: logger, reported: map[string]struct{}{}},
		deferred:    newDeferredLog(session),
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

// committed records that a row is committed, or deferred.
func (log *changeLog) committed(row logRow) {
	log.lastID, log.committedAt, log.end = row.place.CommitID, row.committedAt, row.place.End
	if log.startedAt.IsZero() {
		log.startedAt = row.committedAt
	}
}

// after returns the commits after one, bounded by number and bytes.
func (log *changeLog) after(id uint64) (commits []Commit, err error) {
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
func (log *changeLog) readCommit(row sqlite.Row) (commit Commit, size int) {
	blob := row.Bytes(4)
	end := changelog.Position{CommitID: row.Unsigned(0), End: changelog.Totals{Changes: row.Unsigned(2), Bytes: row.Unsigned(3)}}
	commit, err := changelog.DecodeCommit(end, time.Unix(0, row.Signed(1)).UTC(), blob)
	if err != nil {
		log.damage.ofCommit(commit.ID, err)
	}
	return commit, len(blob)
}

// changes answers a query from the database. The page may end early, with Next
// telling how far it came.
func (log *changeLog) changes(view *state.View, query ChangesQuery) (ChangesPage, error) {
	state, err := view.Namespace(query.Namespace)
	if err != nil {
		return ChangesPage{}, err
	}
	page := ChangesPage{Next: query.After, Oldest: max(state.Oldest, 1), Revision: state.Revision}
	if err := query.checkRange(page); err != nil || query.After == state.Revision {
		return page, err
	}
	if err := log.deferred.flush(); err != nil {
		return page, err
	}
	bytes := 0
	err = log.selectNamespace.Query(func(row sqlite.Row) bool {
		blob := row.Bytes(1)
		full, err := page.takeCommit(query, blob, time.Unix(0, row.Signed(0)).UTC())
		if err != nil {
			log.damage.ofCommit(row.Unsigned(2), err)
		}
		bytes += len(blob)
		return err == nil && !full && bytes < bytesPerRead
	}, query.Namespace, query.Namespace, int64(query.After+1), int64(commitsPerRead))
	if err == nil && page.Next == query.After {
		// There is more in the namespace, and it is not found.
		return page, log.hole(query, page)
	}
	return page, err
}

// hole returns the error for a query that begins at changes that the database has lost. The
// reader continues behind them, as behind trimmed changes.
func (log *changeLog) hole(query ChangesQuery, page ChangesPage) error {
	log.damage.ofRevision(query.Namespace, query.After+1)
	compacted := &kv.CompactedError{Namespace: query.Namespace, After: query.After, Oldest: page.Revision + 1, Revision: page.Revision}
	err := log.selectPlacesAfter.Query(func(row sqlite.Row) bool {
		blob := row.Bytes(1)
		readable := holdsRevision(blob, query.Namespace, row.Unsigned(0))
		if readable {
			compacted.Oldest = row.Unsigned(0)
		}
		return !readable
	}, query.Namespace, int64(query.After+1))
	if err != nil {
		return err
	}
	return compacted
}

// holdsRevision reports whether a blob is whole and has a section of a namespace that
// begins with a revision.
func holdsRevision(blob []byte, namespace string, revision uint64) (holds bool) {
	err := changelog.ReadChanges(blob, time.Time{}, func(header changelog.NamespaceChanges) func(*Event) bool {
		holds = holds || header.Namespace == namespace && header.FirstRevision == revision
		return nil
	})
	return err == nil && holds
}

// takeCommit adds what a commit holds for a query; full tells that the page ends in it.
func (page *ChangesPage) takeCommit(query ChangesQuery, blob []byte, committedAt time.Time) (full bool, err error) {
	gap := false
	err = changelog.ReadChanges(blob, committedAt, func(header changelog.NamespaceChanges) func(*Event) bool {
		if header.Namespace != query.Namespace {
			return nil
		}
		return func(event *Event) bool {
			if event.Revision <= query.After {
				return true
			}
			gap = event.Revision != page.Next+1
			full = gap || !page.take(query, event)
			return !full
		}
	})
	if gap {
		return full, changelog.ErrDamaged
	}
	return full, err
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
