// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/watermarks"
	"dappco.re/go/storebus/store/internal/workspace"
)

// newTables makes all that a commit saves beside the entries.
func newTables(session *sqlite.Session, defaultQuota Quota, news *journal.News, workspaces *workspace.Workspaces) *batch.Tables {
	return &batch.Tables{
		batch.PlaceOfAnswers:   batch.NewAnswers(session),
		batch.PlaceOfRuns:      workspaces.NewRuns(session),
		batch.PlaceOfJournal:   journal.NewTable(session, news),
		batch.PlaceOfQuotas:    batch.NewQuotas(session, defaultQuota, workspaces.Quotas()),
		batch.PlaceOfConsumers: watermarks.New(session),
	}
}
