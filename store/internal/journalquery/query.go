// SPDX-License-Identifier: EUPL-1.2

package journalquery

import (
	"fmt"
	"math"
	"time"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/flux"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/limiter"
	"dappco.re/go/storebus/store/internal/paging"
)

// The limits of a query of the journal.
const (
	// MaxFluxBytes is the length of the longest query.
	MaxFluxBytes = 64 << 10
	// MaxTime is the longest time that a query runs.
	MaxTime = 2 * time.Second
	// MaxBytes is the largest size of all entries that a query returns or holds for sorting. An
	// entry counts with its stored size and 256 bytes.
	MaxBytes = 16 << 20
)

// Host is the store as its queries see it.
type Host interface {
	// Ask puts a question to the journal, between two batches.
	Ask(question func(table *journal.Table) error) error
	// Closing reports whether the store has begun to close.
	Closing() bool
	// Now is the store's time.
	Now() time.Time
}

// Queries runs the queries of a journal.
type Queries struct {
	Host Host
	// Bucket is the bucket that a query must name; empty is any.
	Bucket string
	// Turns admits the queries that run at once.
	Turns *limiter.Limiter[string]
	// Time and Bytes bound a query, as MaxTime and MaxBytes do.
	Time  time.Duration
	Bytes int
}

// Query is a query of the journal.
type Query struct {
	// Namespace, if not empty, limits the query to the entries of one namespace. An empty
	// Namespace sees the entries of every namespace and outside all.
	Namespace string
	// Flux is as store.QueryJournal takes it.
	Flux string
	// Limit is the largest number of entries; 0 is no limit.
	Limit int
	// Fits is as in store.ChangesQuery.
	Fits func(*journal.JournalEntry) bool
}

// Rows has the entries that a query has found, in the order of the query.
type Rows struct {
	Entries []journal.JournalEntry
	// Truncated tells that there were more entries: more than Limit, or more than fit.
	Truncated bool
}

// Run carries out a query in the goroutine of its caller.
func (queries *Queries) Run(query Query) (Rows, error) {
	if err := paging.CheckLimit(query.Limit); err != nil {
		return Rows{}, err
	}
	parsed, err := queries.parse(query.Flux)
	if err != nil {
		return Rows{}, mistakeOf(err)
	}
	leave, err := queries.Turns.Enter(query.Namespace)
	if err != nil {
		return Rows{}, err
	}
	defer leave()
	run := queries.newRun(&query, parsed)
	if err := run.execute(); err != nil {
		return Rows{}, mistakeOf(err)
	}
	return Rows{Entries: run.collected.Elements, Truncated: run.collected.Full}, nil
}

func (queries *Queries) parse(text string) (*flux.Query, error) {
	if len(text) > MaxFluxBytes {
		return nil, &failure.TooLargeError{What: "query", Size: len(text), Limit: MaxFluxBytes}
	}
	query, err := flux.Parse(text)
	if err != nil {
		return nil, err
	}
	if bucket := queries.Bucket; bucket != "" && query.Bucket != bucket {
		return nil, &flux.Error{Position: query.BucketPosition, Message: fmt.Sprintf("the bucket is %q, not %q", bucket, query.Bucket)}
	}
	return query, nil
}

// run is one query that runs.
type run struct {
	*Queries
	query *flux.Query
	scan  journal.Scan
	// first is the stage that rows go to, collected the last one.
	first     stage
	collected *collectStage
	deadline  time.Time
}

func (queries *Queries) newRun(query *Query, parsed *flux.Query) *run {
	run := &run{Queries: queries, query: parsed, deadline: time.Now().Add(queries.Time), collected: newCollectStage(query, queries.Bytes)}
	stages, descending := parsed.OrderByTime()
	run.scan = journal.Scan{Namespace: query.Namespace, Measurement: parsed.Measurement(), Descending: descending}
	run.first = run.collected
	for index := len(stages) - 1; index >= 0; index-- {
		run.first = run.newStage(stages[index], run.first)
	}
	return run
}

func (run *run) newStage(part flux.Stage, next stage) stage {
	switch part := part.(type) {
	case flux.Filter:
		return &filterStage{predicate: part.Predicate, next: next}
	case flux.Sort:
		return &sortStage{sort: part, most: next.wants(), maxBytes: run.Bytes, check: run.check, next: next}
	case flux.Limit:
		return &limitStage{left: part.Count, skipped: part.Offset, next: next}
	}
	panic(fmt.Sprintf("there is no stage %T", part))
}

// check returns an error if the query has to end.
func (run *run) check() error {
	switch {
	case run.Host.Closing():
		return failure.ErrClosed
	case time.Now().After(run.deadline):
		return fmt.Errorf("%w: the query has run for %s; narrow its range", failure.ErrDeadlineExceeded, run.Time)
	}
	return nil
}

func (run *run) execute() (err error) {
	var now time.Time
	if err := run.Host.Ask(func(table *journal.Table) error {
		now = notBefore(run.Host.Now(), table.NewestAt())
		return nil
	}); err != nil {
		return err
	}
	if run.scan.Low, run.scan.High, err = run.query.Range(now); err != nil {
		return err
	}
	for more := run.first.wants() > 0; more; {
		var slice journal.Slice
		if err := run.Host.Ask(func(table *journal.Table) (err error) {
			slice, err = table.Slice(run.scan)
			return err
		}); err != nil {
			return err
		}
		if more, err = run.take(slice.Rows); err != nil {
			return err
		}
		more = more && slice.More
		run.scan = slice.Rest
	}
	return run.first.finish()
}

// take gives rows to the first stage, as far as it wants more.
func (run *run) take(rows []journal.Row) (more bool, err error) {
	for index := range rows {
		if err := run.check(); err != nil {
			return false, err
		}
		if more, err := run.first.take(&queriedRow{Row: rows[index]}); !more || err != nil {
			return false, err
		}
	}
	return true, run.check()
}

// notBefore returns the time, or a time behind the newest entry if that is later. So every committed
// entry lies in a range that ends now.
func notBefore(now time.Time, newest int64) time.Time {
	if newest >= now.UnixNano() && newest < math.MaxInt64 {
		return time.Unix(0, newest+1).UTC()
	}
	return now
}
