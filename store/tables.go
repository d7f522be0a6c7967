// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/workspace"
)

// The tables that this package has, and the parts of them in a batch.
var (
	journalIn    = batch.Slot[journalPart, *journalPart, *journal]{Place: batch.PlaceOfJournal}
	watermarksIn = batch.Slot[watermarkPart, *watermarkPart, *consumers]{Place: batch.PlaceOfConsumers}
)

func newTables(session *sqlite.Session, engine *engine) *batch.Tables {
	return &batch.Tables{
		batch.PlaceOfAnswers:   batch.NewAnswers(session),
		batch.PlaceOfRuns:      workspace.NewRuns(session, engine.fileless),
		batch.PlaceOfJournal:   newJournal(session, engine.journal),
		batch.PlaceOfQuotas:    batch.NewQuotas(session),
		batch.PlaceOfConsumers: newConsumers(session),
	}
}
