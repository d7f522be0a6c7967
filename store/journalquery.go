// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/flux"
	"dappco.re/go/storebus/store/internal/limiter"
	"dappco.re/go/storebus/store/internal/paging"
)

// The limits of a query of the journal.
const (
	// MaxFluxBytes is the length of the longest query.
	MaxFluxBytes = 64 << 10
	// MaxJournalQueryTime is the longest time that a query runs.
	MaxJournalQueryTime = 2 * time.Second
	// MaxJournalQueryBytes is the largest size of all entries that a query returns or holds for
	// sorting. An entry counts with its stored size and 256 bytes.
	MaxJournalQueryBytes = 16 << 20
)

// journalQueriesAtOnce is how many queries of the journal run at once, half of them of
// one namespace; others wait.
const journalQueriesAtOnce = 2

// FluxError says what is wrong with a query of the journal, and where. It wraps
// ErrInvalidFlux.
type FluxError struct {
	// Line and Column are the place, from 1. Column counts bytes.
	Line    int
	Column  int
	Message string
}

// Error names the place and what is wrong there.
func (mistake *FluxError) Error() string {
	return fmt.Sprintf("%s at %d:%d: %s", failure.ErrInvalidFlux, mistake.Line, mistake.Column, mistake.Message)
}

// Unwrap returns ErrInvalidFlux.
func (mistake *FluxError) Unwrap() error { return failure.ErrInvalidFlux }

// fluxError returns the error of package flux for a query.
func fluxError(err error) error {
	if mistake, ok := errors.AsType[*flux.Error](err); ok {
		return &FluxError{Line: mistake.Line, Column: mistake.Column, Message: mistake.Message}
	}
	return err
}

// JournalQuery is a query of the journal.
//
//	store.JournalQuery{Namespace: "acme", Flux: `from(bucket: "journal") |> range(start: -1h)`, Limit: 100}
type JournalQuery struct {
	// Namespace, if not empty, limits the query to the entries of one namespace. An empty
	// Namespace sees the entries of every namespace and outside all.
	Namespace string
	// Flux is as QueryJournal takes it.
	Flux string
	// Limit is the largest number of entries; 0 is no limit.
	Limit int
	// Fits is as in ChangesQuery.
	Fits func(*JournalEntry) bool
}

// JournalRows has the entries that a query has found, in the order of the query.
type JournalRows struct {
	Entries []JournalEntry
	// Truncated tells that there were more entries: more than Limit, or more than fit.
	Truncated bool
}

// QueryJournal runs a query in Flux over the entries of the journal, of every namespace and
// outside all. It takes a part of Flux: from, one range, then filter, sort and limit, as often
// as wanted. They apply in the order of the text. An entry is one row, with the columns _time
// and _measurement, its tags and fields by name, and namespace if it has one. The bucket is the
// one of StoreConfig.Journal, or any if that names none. Archived entries are not found.
// docs/protocol.md has the grammar.
//
// It returns FluxError for any other text, TooLargeError for a text over MaxFluxBytes and for
// entries over MaxJournalQueryBytes, and ErrDeadlineExceeded after MaxJournalQueryTime. It
// returns ErrUnavailable if so many queries wait that its turn does not come within half a
// minute. Entries that are committed meanwhile may be found or not.
//
//	entries, err := store.QueryJournal(`from(bucket: "journal")
//		|> range(start: -24h)
//		|> filter(fn: (r) => r._measurement == "deploy" and r.seconds > 10.0)`)
func (store *Store) QueryJournal(flux string) ([]JournalEntry, error) {
	rows, err := store.queryJournal(JournalQuery{Flux: flux})
	return rows.Entries, journalQueryError("store.QueryJournal", err)
}

// QueryJournalRows is QueryJournal for a part of the entries.
//
//	rows, err := store.QueryJournalRows(store.JournalQuery{Namespace: "acme", Flux: text, Limit: 100})
func (store *Store) QueryJournalRows(query JournalQuery) (JournalRows, error) {
	rows, err := store.queryJournal(query)
	return rows, journalQueryError("store.QueryJournalRows", err)
}

// SubmitJournalQuery is QueryJournalRows without waiting. It calls done once, before
// SubmitJournalQuery returns or later from a goroutine of the store.
func (store *Store) SubmitJournalQuery(query JournalQuery, done func(JournalRows, error)) {
	submitBackground(store, func() (JournalRows, error) { return store.queryJournal(query) }, done)
}

// QueryJournal is Store.QueryJournal for the entries of the namespace, whatever the
// query says.
//
//	entries, err := scoped.QueryJournal(`from(bucket: "journal") |> range(start: -24h)`)
func (scoped *ScopedStore) QueryJournal(flux string) ([]JournalEntry, error) {
	rows, err := scoped.QueryJournalRows(JournalQuery{Flux: flux})
	return rows.Entries, err
}

// QueryJournalRows is Store.QueryJournalRows of the namespace, whatever query.Namespace
// says.
//
//	rows, err := scoped.QueryJournalRows(store.JournalQuery{Flux: text, Limit: 100})
func (scoped *ScopedStore) QueryJournalRows(query JournalQuery) (JournalRows, error) {
	query.Namespace = scoped.Namespace()
	return scoped.within().QueryJournalRows(query)
}

func journalQueryError(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// journalQueries bounds the queries of the journal: which run at once, how long a query runs,
// and how many bytes it may hold.
type journalQueries struct {
	turns *limiter.Limiter[string]
	time  time.Duration
	bytes int
}

func newJournalQueries(store *Store) *journalQueries {
	return &journalQueries{turns: newNamespaceLimiter(journalQueriesAtOnce, maxQueryWait, store.stopped), time: MaxJournalQueryTime, bytes: MaxJournalQueryBytes}
}

// queryJournal reads the range of a query in slices, each between two batches of the
// committer, and does the rest of the work in the goroutine of its caller.
func (store *Store) queryJournal(query JournalQuery) (JournalRows, error) {
	if err := cmp.Or(store.unusable(), paging.CheckLimit(query.Limit)); err != nil {
		return JournalRows{}, err
	}
	parsed, err := store.parseFlux(query.Flux)
	if err != nil {
		return JournalRows{}, fluxError(err)
	}
	leave, err := store.journalQueries.turns.Enter(query.Namespace)
	if err != nil {
		return JournalRows{}, err
	}
	defer leave()
	run := newJournalRun(store, &query, parsed)
	if err := run.execute(); err != nil {
		return JournalRows{}, fluxError(err)
	}
	return JournalRows{Entries: run.collected.Elements, Truncated: run.collected.Full}, nil
}

func (store *Store) parseFlux(text string) (*flux.Query, error) {
	if len(text) > MaxFluxBytes {
		return nil, &failure.TooLargeError{What: "query", Size: len(text), Limit: MaxFluxBytes}
	}
	query, err := flux.Parse(text)
	if err != nil {
		return nil, err
	}
	if bucket := store.config.Journal.BucketName; bucket != "" && query.Bucket != bucket {
		return nil, &flux.Error{Position: query.BucketPosition, Message: fmt.Sprintf("the bucket is %q, not %q", bucket, query.Bucket)}
	}
	return query, nil
}

// journalRun is one query of the journal that runs.
type journalRun struct {
	store *Store
	query *flux.Query
	scan  journalScan
	// first is the stage that rows go to, collected the last one.
	first     journalStage
	collected *collectStage
	deadline  time.Time
}

func newJournalRun(store *Store, query *JournalQuery, parsed *flux.Query) *journalRun {
	run := &journalRun{
		store: store, query: parsed, deadline: time.Now().Add(store.journalQueries.time),
		collected: newCollectStage(query, store.journalQueries.bytes),
	}
	stages, descending := parsed.OrderByTime()
	run.scan = journalScan{namespace: query.Namespace, measurement: parsed.Measurement(), descending: descending}
	run.first = run.collected
	for index := len(stages) - 1; index >= 0; index-- {
		run.first = run.newStage(stages[index], run.first)
	}
	return run
}

func (run *journalRun) newStage(stage flux.Stage, next journalStage) journalStage {
	switch stage := stage.(type) {
	case flux.Filter:
		return &filterStage{predicate: stage.Predicate, journalStage: next}
	case flux.Sort:
		return &sortStage{sort: stage, most: next.wants(), maxBytes: run.store.journalQueries.bytes, check: run.check, next: next}
	case flux.Limit:
		return &limitStage{left: stage.Count, skipped: stage.Offset, journalStage: next}
	}
	panic(fmt.Sprintf("there is no stage %T", stage))
}

// check returns an error if the query has to end.
func (run *journalRun) check() error {
	switch {
	case run.store.closing.Load():
		return failure.ErrClosed
	case time.Now().After(run.deadline):
		return fmt.Errorf("%w: the query has run for %s; narrow its range", failure.ErrDeadlineExceeded, run.store.journalQueries.time)
	}
	return nil
}

func (run *journalRun) execute() error {
	now, err := askJournal(run.store, func(journal *journal) (time.Time, error) { return journal.now(run.store.engine.clock), nil })
	if err != nil {
		return err
	}
	if run.scan.low, run.scan.high, err = run.query.Range(now); err != nil {
		return err
	}
	for more := run.first.wants() > 0; more; {
		slice, err := askJournal(run.store, func(journal *journal) (journalSlice, error) { return journal.slice(run.scan) })
		if err != nil {
			return err
		}
		if more, err = run.take(slice.rows); err != nil {
			return err
		}
		more = more && slice.more
		run.scan = slice.rest
	}
	return run.first.finish()
}

// take gives rows to the first stage, as far as it wants more.
func (run *journalRun) take(rows []journalRow) (more bool, err error) {
	for index := range rows {
		if err := run.check(); err != nil {
			return false, err
		}
		if more, err := run.first.take(&queriedRow{journalRow: rows[index]}); !more || err != nil {
			return false, err
		}
	}
	return true, run.check()
}

// now is the time, and never before the time of an entry. So every committed entry lies in a
// range that ends now.
func (journal *journal) now(clock *clock.Clock) time.Time {
	now := clock.Now()
	if behind := journal.last.committedAt; behind >= now.UnixNano() && behind < math.MaxInt64 {
		return time.Unix(0, behind+1).UTC()
	}
	return now
}
