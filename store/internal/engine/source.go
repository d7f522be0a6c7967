// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"context"
	"time"

	"dappco.re/go/storebus/internal/await"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/follow"
)

// logSource reads the log in the database for its followers.
type logSource struct{ engine *Engine }

// Changes has the committer answer a query.
func (source logSource) Changes(query *follow.Query, answered func(follow.Page, error) (then func()), failed func(error)) {
	err := source.engine.Ask(func(committer *Committer) {
		// It may look again, which is no work for the committer. So a sink is not asked.
		committer.Answer(source.engine.outlet, answered(changesOf(committer, query)))
	})
	if err != nil {
		failed(err)
	}
}

// changesOf answers a query from the database. The page may end early, with Next telling how far
// it came.
func changesOf(committer *Committer, query *follow.Query) (follow.Page, error) {
	namespace, err := committer.view.Namespace(query.Namespace)
	if err != nil {
		return follow.Page{}, err
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
	return await.Answer(context.Background(), func(done func([]changelog.Commit, error)) {
		if source.engine.Ask(func(committer *Committer) { done(committer.log.Commits(id)) }) != nil {
			done(nil, failure.ErrClosed)
		}
	})
}
