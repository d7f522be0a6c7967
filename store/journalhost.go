// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

	"dappco.re/go/storebus/store/internal/archivefile"
	"dappco.re/go/storebus/store/internal/compaction"
	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/journalquery"
)

// journalQueriesAtOnce is how many queries of the journal run at once, half of them of one
// namespace; others wait.
const journalQueriesAtOnce = 2

// journalHost is the store as queries of the journal and compactions see it.
type journalHost struct{ store *Store }

// Ask puts a question to the journal.
func (host journalHost) Ask(question func(table *journal.Table) error) error {
	_, err := askJournal(host.store, func(table *journal.Table) (struct{}, error) { return struct{}{}, question(table) })
	return err
}

// Change carries out a command of the store's own.
func (host journalHost) Change(command Command) error { return change(host.store, command) }

// Stopped tells why the store has stopped writing.
func (host journalHost) Stopped() error { return host.store.engine.Stopped() }

// Closing reports whether Close has begun.
func (host journalHost) Closing() bool { return host.store.closing.Load() }

// Now is the time of the store's clock.
func (host journalHost) Now() time.Time { return host.store.clock.Now() }

func newJournalQueries(store *Store) *journalquery.Queries {
	return &journalquery.Queries{
		Host: journalHost{store}, Bucket: store.config.Journal.BucketName, Time: journalquery.MaxTime, Bytes: journalquery.MaxBytes,
		Turns: newNamespaceLimiter(journalQueriesAtOnce, maxQueryWait, store.stopped),
	}
}

func newCompactor(store *Store) *compaction.Compactor {
	return &compaction.Compactor{
		Host: journalHost{store}, News: store.journal, Logger: store.config.Logger,
		Delivers: store.config.Journal.EndpointURL != "", Bounds: archivefile.DefaultBounds,
	}
}

// askJournal is ask for a question to the journal.
func askJournal[Answer any](store *Store, question func(table *journal.Table) (Answer, error)) (Answer, error) {
	return ask(store, func(committer *engine.Committer) (Answer, error) { return question(journal.Of(committer.Tables())) })
}

// submitAskJournal is askJournal for a caller that does not wait.
func submitAskJournal[Answer any](store *Store, question func(table *journal.Table) (Answer, error), done func(Answer, error)) {
	submitAsk(store, func(committer *engine.Committer) (Answer, error) { return question(journal.Of(committer.Tables())) }, done)
}
