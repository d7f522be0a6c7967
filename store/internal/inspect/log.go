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

// log checks that commits and revisions have no gaps, that totals add up, and that namespace_commits
// finds each commit of a namespace and nothing else.
func (inspection *inspection) log() error {
	if err := inspection.one("SELECT value FROM meta WHERE name = 'materialised'", &inspection.materialised); err != nil {
		return err
	}
	places := map[string]map[uint64]uint64{}
	before := changelog.Position{}
	err := inspection.rows("SELECT id, committed_at, changes_total, bytes_total, changes FROM commits ORDER BY id", func(row *sql.Rows) error {
		var end changelog.Position
		var at int64
		var blob []byte
		if err := row.Scan(&end.CommitID, &at, &end.End.Changes, &end.End.Bytes, &blob); err != nil {
			return err
		}
		commit, err := changelog.DecodeCommit(end, time.Unix(0, at).UTC(), blob)
		if err != nil {
			inspection.report.differ("commit %d: %s", end.CommitID, err.Error())
		}
		inspection.commit(&commit, before, len(blob), places)
		before = end
		return nil
	})
	if err != nil {
		return err
	}
	if inspection.lastCommit > inspection.materialised {
		inspection.report.Behind = inspection.lastCommit - inspection.materialised
	}
	return inspection.places(places)
}

func (inspection *inspection) commit(commit *changelog.Commit, before changelog.Position, size int, places map[string]map[uint64]uint64) {
	inspection.report.Commits++
	inspection.lastCommit = commit.ID
	end := changelog.PositionOf(commit)
	if before.CommitID != 0 {
		if before.CommitID+1 != commit.ID {
			inspection.report.differ("commit %d follows commit %d", commit.ID, before.CommitID)
		} else if grown := end.End.Since(before.End); !changelog.Damaged(commit) && grown != (changelog.Totals{Changes: uint64(len(commit.Events)), Bytes: uint64(size)}) {
			inspection.report.differ("commit %d: its totals do not add up", commit.ID)
		}
	}
	seen := map[string]bool{}
	for index := range commit.Events {
		event := &commit.Events[index]
		if !seen[event.Namespace] {
			seen[event.Namespace] = true
			if places[event.Namespace] == nil {
				places[event.Namespace] = map[uint64]uint64{}
			}
			places[event.Namespace][event.Revision] = commit.ID
		}
		inspection.replay(event, commit.ID)
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
