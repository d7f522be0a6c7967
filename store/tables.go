// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The tables that this package has, and the parts of them in a batch.
var (
	runsIn       = slot[runPart, *runPart, *workspaceRuns]{Place: placeOfRuns}
	journalIn    = slot[journalPart, *journalPart, *journal]{Place: placeOfJournal}
	watermarksIn = slot[watermarkPart, *watermarkPart, *consumers]{Place: placeOfConsumers}
)

func newTables(session *sqlite.Session, engine *engine) *tables {
	return &tables{
		placeOfAnswers:   newRetries(session),
		placeOfRuns:      newWorkspaceRuns(session, engine.fileless),
		placeOfJournal:   newJournal(session, engine.journal),
		placeOfQuotas:    newQuotas(session),
		placeOfConsumers: newConsumers(session),
	}
}
