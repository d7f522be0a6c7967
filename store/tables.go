// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The tables that this package has, and the parts of them in a batch.
var (
	runsIn       = batch.Slot[runPart, *runPart, *workspaceRuns]{Place: batch.PlaceOfRuns}
	journalIn    = batch.Slot[journalPart, *journalPart, *journal]{Place: batch.PlaceOfJournal}
	watermarksIn = batch.Slot[watermarkPart, *watermarkPart, *consumers]{Place: batch.PlaceOfConsumers}
)

func newTables(session *sqlite.Session, engine *engine) *batch.Tables {
	return &batch.Tables{
		batch.PlaceOfAnswers:   batch.NewAnswers(session),
		batch.PlaceOfRuns:      newWorkspaceRuns(session, engine.fileless),
		batch.PlaceOfJournal:   newJournal(session, engine.journal),
		batch.PlaceOfQuotas:    batch.NewQuotas(session),
		batch.PlaceOfConsumers: newConsumers(session),
	}
}
