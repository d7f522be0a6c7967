// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/follow"
)

// logSource reads the log in the database for its followers.
type logSource struct {
	*engine
	// completions is where answers go.
	completions *outlet
}

// Changes has the committer answer a query.
func (source logSource) Changes(query *ChangesQuery, answered func(ChangesPage, error) (then func()), failed func(error)) {
	asked := source.reads.put(func(committer *committer) {
		// It may look again, which is no work for the committer. So a sink is not asked.
		committer.outbox.add(source.completions, completion(answered(committer.changes(query))))
	})
	if !asked {
		failed(failure.ErrClosed)
	}
}

// changes answers a query from the database. The page may end early, with Next telling how far it
// came.
func (committer *committer) changes(query *ChangesQuery) (ChangesPage, error) {
	namespace, err := committer.view.Namespace(query.Namespace)
	if err != nil {
		return ChangesPage{}, err
	}
	page, err := follow.NewPage(query, max(namespace.Oldest, 1), namespace.Revision)
	if err != nil || query.After == namespace.Revision {
		return page, err
	}
	log := committer.log
	err = log.Changes(query.Namespace, query.After, func(blob []byte, committedAt time.Time) (more bool, err error) {
		return follow.TakeChanges(&page, query, blob, committedAt)
	})
	if err == nil && page.Next == query.After {
		// There is more in the namespace, and it is not found.
		err = log.Hole(query.Namespace, query.After, page.Revision)
	}
	return page, err
}

// CommitsAfter has the committer read commits.
func (source logSource) CommitsAfter(id uint64) ([]changelog.Commit, error) {
	return wait(func(done func([]changelog.Commit, error)) {
		asked := source.reads.put(func(committer *committer) { done(committer.log.Commits(id)) })
		if !asked {
			fail(done, failure.ErrClosed)
		}
	})
}
