// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/workspace"
)

// watermarksIn has the place of the table of watermarks, and of its part in a batch.
var watermarksIn = batch.Slot[watermarkPart, *watermarkPart, *consumers]{Place: batch.PlaceOfConsumers}

func newTables(session *sqlite.Session, engine *engine) *batch.Tables {
	return &batch.Tables{
		batch.PlaceOfAnswers:   batch.NewAnswers(session),
		batch.PlaceOfRuns:      workspace.NewRuns(session, engine.fileless),
		batch.PlaceOfJournal:   journal.NewTable(session, engine.journal),
		batch.PlaceOfQuotas:    batch.NewQuotas(session),
		batch.PlaceOfConsumers: newConsumers(session),
	}
}
