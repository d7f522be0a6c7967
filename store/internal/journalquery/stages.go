// SPDX-License-Identifier: EUPL-1.2

package journalquery

import (
	"math"
	"slices"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/flux"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/paging"
)

// queriedRowOverhead estimates the size of a row without its texts.
const queriedRowOverhead = 256

// queriedRow is an entry on its way through a query. Its tags and fields are parted when one is asked
// for, and decoded one by one.
type queriedRow struct {
	journal.Row
	parted bool
	values journal.Values
}

// column returns the value of a column, nil if the entry has none of the name.
func (row *queriedRow) column(name string) any {
	switch {
	case name == flux.ColumnTime:
		return row.CommittedAt()
	case name == flux.ColumnMeasurement:
		return row.Measurement()
	case name == journal.NamespaceTag && row.Namespace() != "":
		return row.Namespace()
	}
	if !row.parted {
		row.values, row.parted = row.Values(), true
	}
	return row.values.Find(name)
}

// forget drops decoded fields, which can be decoded again.
func (row *queriedRow) forget() { row.values, row.parted = journal.Values{}, false }

func (row *queriedRow) memory() int { return queriedRowOverhead + row.Bytes() }

// stage is a part of a query that rows go through.
type stage interface {
	// take is given the next row; more is false if it needs none behind it.
	take(row *queriedRow) (more bool, err error)
	// finish is told that there are no more rows.
	finish() error
	// wants returns the largest number of rows that it looks at.
	wants() int64
}

// filterStage passes on the rows that make a predicate true.
type filterStage struct {
	next      stage
	predicate flux.Expression
}

func (stage *filterStage) take(row *queriedRow) (more bool, err error) {
	if stage.predicate.Evaluate(row.column) != true {
		return true, nil
	}
	return stage.next.take(row)
}

func (stage *filterStage) finish() error { return stage.next.finish() }

func (stage *filterStage) wants() int64 { return allOrNone(stage.next) }

// allOrNone is wants for a stage whose result may depend on any row.
func allOrNone(next stage) int64 {
	if next.wants() == 0 {
		return 0
	}
	return math.MaxInt64
}

// limitStage passes on a number of rows, after skipping some.
type limitStage struct {
	next          stage
	skipped, left int64
}

func (stage *limitStage) take(row *queriedRow) (more bool, err error) {
	if stage.skipped > 0 {
		stage.skipped--
		return true, nil
	}
	if stage.left == 0 {
		return false, nil
	}
	stage.left--
	more, err = stage.next.take(row)
	return more && stage.left > 0, err
}

func (stage *limitStage) finish() error { return stage.next.finish() }

func (stage *limitStage) wants() int64 {
	passed := min(stage.left, stage.next.wants())
	if passed == 0 {
		return 0
	}
	return passed + min(stage.skipped, math.MaxInt64-passed)
}

// sortStage passes on rows in the order of columns, when it has had all of them.
type sortStage struct {
	sort flux.Sort
	// most is the number of rows wanted after sorting. Of more rows, the last are dropped.
	most     int64
	maxBytes int
	check    func() error
	next     stage

	rows  []sortedRow
	bytes int
}

// sortedRow is a row with the values of the columns that it is sorted by.
type sortedRow struct {
	*queriedRow
	keys []any
}

func (row *sortedRow) memory() int {
	const perKey = 32
	bytes := row.queriedRow.memory() + perKey*len(row.keys)
	for _, key := range row.keys {
		text, _ := key.(string)
		bytes += len(text)
	}
	return bytes
}

func (stage *sortStage) wants() int64 { return allOrNone(stage.next) }

func (stage *sortStage) take(row *queriedRow) (more bool, err error) {
	added := sortedRow{queriedRow: row, keys: make([]any, len(stage.sort.Columns))}
	for index, column := range stage.sort.Columns {
		added.keys[index] = row.column(column)
	}
	row.forget()
	stage.rows = append(stage.rows, added)
	stage.bytes += added.memory()
	// Not at each row: to put them in order takes its time.
	if stage.bytes > 2*stage.maxBytes {
		err = stage.trim()
	}
	return true, err
}

// trim sorts the rows and drops the ones beyond the limit.
func (stage *sortStage) trim() error {
	slices.SortStableFunc(stage.rows, stage.order)
	if wanted := min(int64(len(stage.rows)), stage.most); wanted < int64(len(stage.rows)) {
		clear(stage.rows[wanted:])
		stage.rows = stage.rows[:wanted]
	}
	stage.bytes = 0
	for index := range stage.rows {
		stage.bytes += stage.rows[index].memory()
	}
	if stage.bytes > stage.maxBytes {
		return &failure.TooLargeError{What: "what the query has to sort", Size: stage.bytes, Limit: stage.maxBytes}
	}
	return nil
}

// order compares two rows by the columns. A missing value comes first, descending or not.
func (stage *sortStage) order(left, right sortedRow) int {
	for index := range left.keys {
		order := flux.Order(left.keys[index], right.keys[index])
		if stage.sort.Descending && left.keys[index] != nil && right.keys[index] != nil {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

func (stage *sortStage) finish() error {
	if err := stage.trim(); err != nil {
		return err
	}
	for index := range stage.rows {
		if err := stage.check(); err != nil {
			return err
		}
		more, err := stage.next.take(stage.rows[index].queriedRow)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return stage.next.finish()
}

// collectStage keeps rows for the caller.
type collectStage struct {
	paging.Page[journal.JournalEntry]
	limit, bytes, maxBytes int
}

func newCollectStage(query *Query, maxBytes int) *collectStage {
	limit := query.Limit
	if limit == 0 {
		limit = math.MaxInt
	}
	return &collectStage{Page: paging.New(limit, query.Fits), limit: limit, maxBytes: maxBytes}
}

func (stage *collectStage) take(row *queriedRow) (more bool, err error) {
	if !stage.Take(row.Entry()) {
		return false, nil
	}
	if stage.bytes += row.memory(); stage.bytes > stage.maxBytes {
		return false, &failure.TooLargeError{What: "result of the query", Size: stage.bytes, Limit: stage.maxBytes}
	}
	return true, nil
}

func (*collectStage) finish() error { return nil }

// wants one row more than the limit, which tells that there is one.
func (stage *collectStage) wants() int64 { return max(int64(stage.limit), int64(stage.limit)+1) }
