// SPDX-License-Identifier: EUPL-1.2

package flux

import (
	"slices"
	"time"
)

// Query is a parsed query: the entries of a range, in the order of their times, go through the
// stages, one after the other.
type Query struct {
	Bucket         string
	BucketPosition Position
	Start          Moment
	// Stop is nil if the query names none: the range then ends now.
	Stop   *Moment
	Stages []Stage
}

// Stage is a Filter, a Sort or a Limit.
type Stage interface {
	printStage(printer *printer)
}

// Filter passes the rows for which the predicate is true.
type Filter struct{ Predicate Expression }

// Sort orders rows by columns, the first before the second and so on. Rows without
// the column come first, descending or not.
type Sort struct {
	Columns    []string
	Descending bool
}

// Limit passes Count rows, after skipping Offset rows.
type Limit struct {
	Count  int64
	Offset int64
}

// Range returns the first nanosecond of the range and the first nanosecond behind it, since
// 1970.
func (query *Query) Range(now time.Time) (start, stop int64, err error) {
	if start, err = query.Start.resolve(now); err != nil {
		return 0, 0, err
	}
	end := &Moment{Position: query.Start.Position, Now: true}
	if query.Stop != nil {
		end = query.Stop
	}
	if stop, err = end.resolve(now); err == nil && stop <= start {
		err = failAt(end.Position, "the range ends at %s, which is not behind its start %s", timeOf(stop), timeOf(start))
	}
	return start, stop, err
}

func timeOf(nanoseconds int64) string {
	return time.Unix(0, nanoseconds).UTC().Format(time.RFC3339Nano)
}

// Measurement returns the only measurement that rows can have to pass the filters before the
// first Limit, "" if they do not name one.
func (query *Query) Measurement() string {
	for _, stage := range query.Stages {
		switch stage := stage.(type) {
		case Limit:
			return ""
		case Filter:
			if measurement := measurementOf(stage.Predicate); measurement != "" {
				return measurement
			}
		}
	}
	return ""
}

// OrderByTime removes a Sort by time that has only filters before it. It returns the other
// stages, and whether that Sort is descending. Rows that are read in that order need no
// sorting.
func (query *Query) OrderByTime() (stages []Stage, descending bool) {
	for index, stage := range query.Stages {
		switch stage := stage.(type) {
		case Filter:
			continue
		case Sort:
			if stage.Columns[0] == ColumnTime { // no two rows have the same
				return slices.Delete(slices.Clone(query.Stages), index, index+1), stage.Descending
			}
		}
		break
	}
	return query.Stages, false
}

// measurementOf returns the measurement without which an expression is not true.
func measurementOf(expression Expression) string {
	switch expression := expression.(type) {
	case Comparison:
		if expression.Operator != "==" {
			return ""
		}
		for _, sides := range [][2]Expression{{expression.Left, expression.Right}, {expression.Right, expression.Left}} {
			if sides[0] == (Column{ColumnMeasurement}) {
				literal, _ := sides[1].(Literal)
				measurement, _ := literal.Value.(string)
				return measurement
			}
		}
	case Logical:
		if expression.Operator != "and" {
			return ""
		}
		for _, operand := range expression.Operands {
			if measurement := measurementOf(operand); measurement != "" {
				return measurement
			}
		}
	}
	return ""
}
