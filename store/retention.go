// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The bounds of trimming between two batches. One large commit may be larger.
const (
	commitsPerTrim = 64
	changesPerTrim = 4096
)

// trim removes a slice of whole commits from the log's oldest end if a bound of the retention
// is passed, and reports whether there is more to trim. The newest commit stays, and commits
// that a registered consumer has not acknowledged.
func (committer *committer) trim() (more bool) {
	trimmed, err := committer.trimSlice()
	committer.tried(workTrimming, err)
	return err == nil && trimmed
}

// trimIsDue is asked after every batch, so it looks at numbers in memory only. Age
// is looked at when house is kept.
func (committer *committer) trimIsDue() bool {
	retained := committer.log.end.Since(committer.log.start)
	over := retained.Changes > committer.config.Retention.Count || retained.Bytes > committer.config.Retention.Bytes ||
		committer.log.startIsOld
	return over && committer.trimLimit() >= committer.log.firstID
}

// trimSlice removes at most commitsPerTrim commits; trimmed is false if none may go.
func (committer *committer) trimSlice() (trimmed bool, err error) {
	slice, err := committer.log.trimmable(committer.config.Retention, committer.clock.Now(), committer.trimLimit())
	committer.log.startIsOld = false
	if err != nil || len(slice.commits) == 0 {
		return false, err
	}
	emptied, err := committer.emptiedGroups(slice)
	if err != nil {
		return false, err
	}
	last := slice.commits[len(slice.commits)-1]
	trimmedRecords, err := committer.database.trimmedWith(last.ID)
	if err != nil {
		return false, err
	}
	err = committer.unsynced(func(transaction *sqlite.Transaction) {
		committer.database.remove(transaction, trimmedRecords)
		committer.log.remove(transaction, slice)
		committer.materialiser.DeleteGroups(transaction, emptied)
	})
	if err != nil {
		return false, err
	}
	committer.database.removed(trimmedRecords)
	committer.log.firstID, committer.log.start, committer.log.startedAt = last.ID+1, changelog.PositionOf(&last).End, changelog.CommittedAt(&last)
	committer.view.ForgetGroups(emptied)
	for namespace, oldest := range slice.oldest {
		committer.view.Trimmed(namespace, oldest)
		committer.followers.Trimmed(namespace, oldest)
	}
	return true, committer.trimmedLost(slice)
}

// trimmedLost records the new beginning of the log for namespaces whose changes a damaged
// commit has lost.
func (committer *committer) trimmedLost(slice trimSlice) error {
	for _, namespace := range slice.lost {
		state, err := committer.view.Reread(namespace)
		if err != nil {
			return err
		}
		committer.followers.Trimmed(namespace, state.Oldest)
	}
	return nil
}

// trimLimit is the last commit that may be trimmed. Commits that the tables do not hold yet
// stay, and commits that a registered consumer has not acknowledged.
func (committer *committer) trimLimit() uint64 {
	return min(committer.materialiser.Through(), watermarksIn.table(committer.tables).slowest(committer.log.position()).CommitID)
}

// emptiedGroups returns the groups without keys whose last change is in the slice.
func (committer *committer) emptiedGroups(slice trimSlice) (groups []string, err error) {
	for _, commit := range slice.commits {
		for index := range commit.Events {
			event := &commit.Events[index]
			if event.Type == EventSet || event.Type == EventTouch {
				continue
			}
			state, err := committer.view.Group(event.Group)
			if err != nil {
				return nil, err
			}
			if state.Keys == 0 && state.LastRevision == event.Revision {
				groups = append(groups, event.Group)
			}
		}
	}
	return groups, nil
}

// trimSlice has the commits that are trimmed at once.
type trimSlice struct {
	commits []Commit
	// sections are the rows of namespace_commits that go.
	sections []changelog.NamespaceChanges
	// oldest is the new lowest revision of each namespace in it.
	oldest map[string]uint64
	// damaged are the commits whose sections are not known, lost the namespaces that
	// they touched.
	damaged []uint64
	lost    []string
}

// position is the log's end.
func (log *changeLog) position() changelog.Position {
	return changelog.Position{CommitID: log.lastID, End: log.end}
}

// trimmable returns the oldest commits that a bound no longer covers, up to one
// that must stay.
func (log *changeLog) trimmable(retention Retention, now time.Time, last uint64) (slice trimSlice, err error) {
	slice.oldest = map[string]uint64{}
	if err := log.deferred.flush(); err != nil {
		return slice, err
	}
	queryErr := log.selectAfter.Query(func(row sqlite.Row) bool {
		if id := row.Unsigned(0); id > last || id == log.lastID {
			return false
		}
		commit, _ := log.readCommit(row)
		retained := log.end.Since(log.start)
		if len(slice.commits) > 0 {
			last := changelog.PositionOf(&slice.commits[len(slice.commits)-1]).End
			retained = log.end.Since(last)
			if last.Since(log.start).Changes+uint64(len(commit.Events)) > changesPerTrim {
				return false
			}
		}
		if retained.Changes <= retention.Count && retained.Bytes <= retention.Bytes && now.Sub(changelog.CommittedAt(&commit)) <= retention.Age {
			return false
		}
		slice.commits = append(slice.commits, commit)
		if changelog.Damaged(&commit) {
			slice.damaged = append(slice.damaged, commit.ID)
			return true
		}
		blob := row.Bytes(4)
		err = changelog.ReadChanges(blob, changelog.CommittedAt(&commit), func(header changelog.NamespaceChanges) func(*Event) bool {
			slice.sections = append(slice.sections, header)
			slice.oldest[header.Namespace] = header.FirstRevision + header.Count
			return nil
		})
		return err == nil
	}, int64(0), int64(commitsPerTrim))
	if err := errors.Join(queryErr, err); err != nil {
		return trimSlice{}, err
	}
	slice.lost, err = log.namespacesOf(slice.damaged)
	return slice, err
}

// namespacesOf returns the namespaces that commits touched, by where their revisions
// are found. It looks through all of the log's places.
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
func (log *changeLog) remove(transaction *sqlite.Transaction, slice trimSlice) {
	for _, header := range slice.sections {
		transaction.Execute(log.deleteNamespaceCommit, header.Namespace, int64(header.FirstRevision))
	}
	for _, id := range slice.damaged {
		transaction.Execute(log.deletePlacesOf, int64(id))
	}
	transaction.Execute(log.deleteCommits, int64(slice.commits[len(slice.commits)-1].ID))
}

// backlogRefusal refuses writes while a consumer lags by twice the retention. Otherwise the
// consumer would have a silent gap.
func (committer *committer) backlogRefusal() error {
	backlog := committer.log.end.Since(watermarksIn.table(committer.tables).slowest(committer.log.position()).End)
	if backlog.Changes/2 < committer.config.Retention.Count && backlog.Bytes/2 < committer.config.Retention.Bytes {
		return nil
	}
	// The text has no number, because it reaches tenants, who must learn nothing of each other.
	return fmt.Errorf("%w: too many changes wait to be taken by those who follow the log", kv.ErrUnavailable)
}
