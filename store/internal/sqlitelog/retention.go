// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"errors"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The bounds of trimming between two batches. One large commit may be larger.
const (
	commitsPerTrim = 64
	changesPerTrim = 4096
)

// Retention bounds the change log. The log is trimmed from its oldest end when any bound is
// passed. Changes that a registered consumer has not acknowledged are kept.
type Retention struct {
	// Age is the longest age of a change; 0 is DefaultRetentionAge.
	Age time.Duration
	// Count is the largest number of changes; 0 is DefaultRetentionCount.
	Count uint64
	// Bytes is the largest size of the log; 0 is DefaultRetentionBytes.
	Bytes uint64
}

// Slice has the commits that are trimmed at once.
type Slice struct {
	// Commits are the oldest of the log, empty if none may go.
	Commits []changelog.Commit
	// Oldest is the new lowest revision of each namespace in them.
	Oldest map[string]uint64
	// Lost are the namespaces whose changes a damaged commit has lost.
	Lost []string

	// sections are the rows of namespace_commits that go, and damaged the commits whose sections
	// are not known. records are the records that are no longer whole.
	sections []changelog.NamespaceChanges
	damaged  []uint64
	records  recordSlice
}

func (slice *Slice) last() *changelog.Commit { return &slice.Commits[len(slice.Commits)-1] }

// position returns the end of the log.
func (log *changeLog) position() changelog.Position {
	return changelog.Position{CommitID: log.lastID, End: log.end}
}

// trimmable returns the oldest commits that a bound no longer covers, up to the commit last.
func (log *changeLog) trimmable(retention Retention, now time.Time, last uint64) (slice Slice, err error) {
	log.startIsOld = false
	slice.Oldest = map[string]uint64{}
	if err := log.deferred.flush(); err != nil {
		return slice, err
	}
	queryErr := log.selectAfter.Query(func(row sqlite.Row) bool {
		if id := row.Unsigned(0); id > last || id == log.lastID {
			return false
		}
		commit, _ := log.readCommit(row)
		retained := log.end.Since(log.start)
		if len(slice.Commits) > 0 {
			last := changelog.PositionOf(slice.last()).End
			retained = log.end.Since(last)
			if last.Since(log.start).Changes+uint64(len(commit.Events)) > changesPerTrim {
				return false
			}
		}
		if retained.Changes <= retention.Count && retained.Bytes <= retention.Bytes && now.Sub(changelog.CommittedAt(&commit)) <= retention.Age {
			return false
		}
		slice.Commits = append(slice.Commits, commit)
		if changelog.Damaged(&commit) {
			slice.damaged = append(slice.damaged, commit.ID)
			return true
		}
		blob := row.Bytes(4)
		err = changelog.ReadChanges(blob, changelog.CommittedAt(&commit), func(header changelog.NamespaceChanges) func(*changelog.Event) bool {
			slice.sections = append(slice.sections, header)
			slice.Oldest[header.Namespace] = header.FirstRevision + header.Count
			return nil
		})
		return err == nil
	}, int64(0), int64(commitsPerTrim))
	if err := errors.Join(queryErr, err); err != nil {
		return Slice{}, err
	}
	slice.Lost, err = log.namespacesOf(slice.damaged)
	return slice, err
}

// namespacesOf returns the namespaces that commits have changed. It looks through all rows of
// namespace_commits.
func (log *changeLog) namespacesOf(commits []uint64) (namespaces []string, err error) {
	for _, id := range commits {
		err = errors.Join(err, log.selectNamespacesOf.Query(func(row sqlite.Row) bool {
			namespaces = append(namespaces, row.Text(0))
			return true
		}, int64(id)))
	}
	return namespaces, err
}

// remove deletes a slice in the transaction of the caller.
func (log *changeLog) remove(transaction *sqlite.Transaction, slice *Slice) {
	for _, header := range slice.sections {
		transaction.Execute(log.deleteNamespaceCommit, header.Namespace, int64(header.FirstRevision))
	}
	for _, id := range slice.damaged {
		transaction.Execute(log.deletePlacesOf, int64(id))
	}
	transaction.Execute(log.deleteCommits, int64(slice.last().ID))
}

// removed records that a slice is removed.
func (log *changeLog) removed(slice *Slice) {
	last := slice.last()
	log.firstID, log.start, log.startedAt = last.ID+1, changelog.PositionOf(last).End, changelog.CommittedAt(last)
}

// isOver reports whether a bound of the retention is passed, by the numbers in memory. The age is
// as lookAtAge has found it.
func (log *changeLog) isOver(retention Retention) bool {
	retained := log.end.Since(log.start)
	return retained.Changes > retention.Count || retained.Bytes > retention.Bytes || log.startIsOld
}

// lookAtAge finds out whether the log is older than the retention allows.
func (log *changeLog) lookAtAge(retention Retention, now time.Time) {
	log.startIsOld = now.Sub(log.startedAt) > retention.Age
}
