// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
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
	return committer.log.IsOver(committer.config.Retention) && committer.trimLimit() >= committer.log.FirstCommit()
}

// trimSlice removes a slice of the log; trimmed is false if none may go.
func (committer *committer) trimSlice() (trimmed bool, err error) {
	slice, err := committer.log.Trimmable(committer.config.Retention, committer.clock.Now(), committer.trimLimit())
	if err != nil || len(slice.Commits) == 0 {
		return false, err
	}
	emptied, err := committer.emptiedGroups(slice.Commits)
	if err != nil {
		return false, err
	}
	err = committer.unsynced(func(transaction *sqlite.Transaction) {
		committer.log.Remove(transaction, &slice)
		committer.materialiser.DeleteGroups(transaction, emptied)
	})
	if err != nil {
		return false, err
	}
	committer.log.Removed(&slice)
	committer.view.ForgetGroups(emptied)
	for namespace, oldest := range slice.Oldest {
		committer.view.Trimmed(namespace, oldest)
		committer.followers.Trimmed(namespace, oldest)
	}
	return true, committer.trimmedLost(slice.Lost)
}

// trimmedLost records the new beginning of the log for namespaces whose changes a damaged
// commit has lost.
func (committer *committer) trimmedLost(namespaces []string) error {
	for _, namespace := range namespaces {
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
	return min(committer.materialiser.Through(), watermarksIn.Table(committer.tables).slowest(committer.log.Position()).CommitID)
}

// emptiedGroups returns the groups without keys whose last change is in the commits.
func (committer *committer) emptiedGroups(commits []Commit) (groups []string, err error) {
	for _, commit := range commits {
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

// backlogRefusal refuses writes while a consumer lags by twice the retention. Otherwise the
// consumer would have a silent gap.
func (committer *committer) backlogRefusal() error {
	end := committer.log.Position()
	backlog := end.End.Since(watermarksIn.Table(committer.tables).slowest(end).End)
	if backlog.Changes/2 < committer.config.Retention.Count && backlog.Bytes/2 < committer.config.Retention.Bytes {
		return nil
	}
	// The text has no number, because it reaches tenants, who must learn nothing of each other.
	return fmt.Errorf("%w: too many changes wait to be taken by those who follow the log", failure.ErrUnavailable)
}

// removeSections removes a slice of the oldest sections, and reports whether there is more.
func (committer *committer) removeSections() (more bool) {
	through, err := committer.log.OldestSections()
	if err == nil {
		err = committer.records.Trim(through)
	}
	if err == nil {
		err = committer.log.Trim(through) // the log that decides can be another one
	}
	committer.tried(workSections, err)
	return err == nil && committer.log.SectionsAreMany()
}
