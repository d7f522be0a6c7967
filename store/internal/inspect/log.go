// SPDX-License-Identifier: EUPL-1.2

package inspect

import (
	"database/sql"
	"time"

	"github.com/cespare/xxhash/v2"

	"dappco.re/go/storebus/store/internal/changelog"
)

// change is the last change of a key in the log.
type change struct {
	commit, revision     uint64
	updatedAt, expiresAt int64
	// stays tells that the key is there after it.
	stays bool
	// value is the hash of the value, if the log tells it.
	value uint64
	told  bool
	found bool
}

// start reads what may be missing in the log. Trimming takes changes of namespaces from commits up to
// record_start, and whole commits without changes, but nothing that the tables do not hold.
func (inspection *inspection) start() error {
	if err := inspection.one("SELECT value FROM meta WHERE name = 'materialised'", &inspection.materialised); err != nil {
		return err
	}
	if err := inspection.one("SELECT ifnull(max(commit_id), 0) FROM record_start", &inspection.wholeAfter); err != nil {
		return err
	}
	return inspection.rows("SELECT namespace, min(first_revision) FROM namespace_commits GROUP BY namespace", func(row *sql.Rows) error {
		var namespace string
		var oldest uint64
		err := row.Scan(&namespace, &oldest)
		inspection.oldest[namespace] = oldest
		return err
	})
}

// log checks that commits and revisions have no gaps but those of trimming, that totals add up, and
// that namespace_commits finds each commit of a namespace and nothing else.
func (inspection *inspection) log() error {
	if err := inspection.start(); err != nil {
		return err
	}
	places := map[string]map[uint64]uint64{}
	before := changelog.Position{}
	err := inspection.rows("SELECT id, committed_at, changes_total, bytes_total, changes, commit_id IS NOT NULL FROM commits LEFT JOIN commits_thinned ON commit_id = id ORDER BY id", func(row *sql.Rows) error {
		var end changelog.Position
		var at int64
		var blob []byte
		var thinned bool
		if err := row.Scan(&end.CommitID, &at, &end.End.Changes, &end.End.Bytes, &blob, &thinned); err != nil {
			return err
		}
		commit, err := changelog.DecodeCommit(end, time.Unix(0, at).UTC(), blob)
		if err != nil {
			inspection.report.differ("commit %d: %s", end.CommitID, err.Error())
		}
		inspection.follows(before.CommitID, end.CommitID)
		if before.CommitID != 0 && !changelog.Damaged(&commit) && !inspection.addsUp(&commit, before, uint64(len(blob))) {
			inspection.report.differ("commit %d: its totals do not add up", commit.ID)
		}
		inspection.commit(&commit, thinned && end.CommitID <= inspection.wholeAfter, places)
		before = end
		return nil
	})
	if err != nil {
		return err
	}
	inspection.end()
	return inspection.places(places)
}

// end compares the end of the log with what the tables and record_start say of it. The newest commit
// is never trimmed.
func (inspection *inspection) end() {
	last := inspection.lastCommit
	if last < inspection.materialised {
		inspection.report.differ("the tables are said to hold the log up to commit %d, and it ends at commit %d", inspection.materialised, last)
	}
	if last < inspection.wholeAfter {
		inspection.report.differ("the log is said to be trimmed up to commit %d, and it ends at commit %d", inspection.wholeAfter, last)
	}
	if last > inspection.materialised {
		inspection.report.Behind = last - inspection.materialised
	}
}

// follows checks that trimming can have removed what is missing between two commits.
func (inspection *inspection) follows(before, id uint64) {
	switch missing := id - 1; {
	case missing == before:
	case missing > inspection.wholeAfter:
		inspection.report.differ("commit %d follows commit %d, and the log is whole behind commit %d", id, before, inspection.wholeAfter)
	case missing > inspection.materialised:
		inspection.report.differ("commit %d follows commit %d, and the tables hold the log up to commit %d only", id, before, inspection.materialised)
	}
}

// addsUp reports whether the totals behind a commit are those before it and its size. A commit that is
// trimmed is smaller, and others before it may be gone.
func (inspection *inspection) addsUp(commit *changelog.Commit, before changelog.Position, size uint64) bool {
	end, changes := changelog.PositionOf(commit).End, uint64(len(commit.Events))
	grown := end.Since(before.End)
	if end.Changes < before.End.Changes || end.Bytes < before.End.Bytes || changes > grown.Changes || size > grown.Bytes {
		return false
	}
	if before.CommitID+1 != commit.ID {
		return true
	}
	whole := changes == grown.Changes
	return whole == (size == grown.Bytes) && (whole || commit.ID <= inspection.wholeAfter)
}

// commit takes a commit. If it is thinned, it has changes that are trimmed: those before the oldest
// place of their namespace.
func (inspection *inspection) commit(commit *changelog.Commit, thinned bool, places map[string]map[uint64]uint64) {
	inspection.report.Commits++
	inspection.lastCommit = commit.ID
	stays := map[string]bool{}
	for index := range commit.Events {
		event := &commit.Events[index]
		if _, seen := stays[event.Namespace]; !seen {
			oldest, held := inspection.oldest[event.Namespace]
			stays[event.Namespace] = !thinned || held && event.Revision >= oldest
			if stays[event.Namespace] {
				if places[event.Namespace] == nil {
					places[event.Namespace] = map[uint64]uint64{}
				}
				places[event.Namespace][event.Revision] = commit.ID
			}
		}
		if stays[event.Namespace] {
			inspection.replay(event, commit.ID)
		}
	}
}

// replay takes an event of the log.
func (inspection *inspection) replay(event *changelog.Event, commit uint64) {
	namespace := inspection.namespace(event.Namespace)
	if namespace.last == 0 {
		namespace.first = event.Revision
	} else if namespace.last+1 != event.Revision {
		inspection.report.differ("namespace %q: revision %d follows revision %d in the log", event.Namespace, event.Revision, namespace.last)
	}
	namespace.last = event.Revision
	if commit <= inspection.materialised {
		namespace.held = event.Revision
	}
	group := inspection.group(event.Group)
	group.lastRevision = event.Revision
	if event.Type == changelog.EventDeleteGroup {
		inspection.deletions[event.Group] = event.Revision
		clear(group.changes)
		return
	}
	last := &change{
		commit: commit, revision: event.Revision, updatedAt: event.Timestamp.UnixNano(),
		stays: event.Type == changelog.EventSet || event.Type == changelog.EventTouch,
	}
	if !event.ExpiresAt.IsZero() {
		last.expiresAt = event.ExpiresAt.UnixMilli()
	}
	if event.Type == changelog.EventSet {
		last.value, last.told = xxhash.Sum64String(event.Value), true
	} else if earlier := group.changes[event.Key]; event.Type == changelog.EventTouch && earlier != nil {
		last.value, last.told = earlier.value, earlier.told
	}
	group.changes[event.Key] = last
}

// places compares namespace_commits with the log.
func (inspection *inspection) places(places map[string]map[uint64]uint64) error {
	err := inspection.rows("SELECT namespace, first_revision, commit_id FROM namespace_commits", func(row *sql.Rows) error {
		var namespace string
		var first, commit uint64
		err := row.Scan(&namespace, &first, &commit)
		if places[namespace][first] != commit {
			inspection.report.differ("namespace_commits: revision %d of namespace %q is said to begin commit %d, and does not", first, namespace, commit)
		}
		delete(places[namespace], first)
		return err
	})
	for namespace, missing := range places {
		for first, commit := range missing {
			inspection.report.differ("namespace_commits: revision %d of namespace %q begins commit %d, and is not there", first, namespace, commit)
		}
	}
	return err
}
