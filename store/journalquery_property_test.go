// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/store"
)

// What a query gives is what a plain reading of its words over all entries gives.
// Nothing below knows how the store does it.
func TestJournalQuery_Model_Good(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := newClock()
		opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: store.MemoryDatabase, Clock: clock.Now})
		require.NoError(t, err)
		defer opened.Close()
		start := clock.Now()
		var entries []store.JournalEntry
		for range rapid.IntRange(0, 40).Draw(t, "entries") {
			entries = append(entries, commitDrawn(t, opened))
			clock.Advance(rapid.SampledFrom([]time.Duration{0, time.Nanosecond, time.Second}).Draw(t, "pause"))
		}
		for range 40 {
			checkDrawnQuery(t, opened, entries, start)
		}
	})
}

// The names that points and queries of the model have.
var (
	modelColumns      = []string{"a", "b", "c d", `e."$`, "ü"}
	modelMeasurements = []string{"m", "n"}
	modelTexts        = []string{"", "a", "b", "B", "é", `"\`, "${x}"}
	modelNumbers      = []any{
		int64(0), int64(1), int64(-1), int64(math.MaxInt64), int64(math.MinInt64), int64(1<<53 + 1),
		uint64(0), uint64(1), uint64(math.MaxInt64), uint64(1 << 63), uint64(math.MaxUint64),
		0.0, 1.0, -1.0, 0.1, 0.5, float64(1 << 53), math.Pow(2, 63), math.Pow(2, 64), -math.Pow(2, 63), 1e300, 5e-324,
	}
)

func drawFieldValue(t *rapid.T) any {
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		return rapid.Bool().Draw(t, "boolean")
	case 1:
		return rapid.SampledFrom(modelTexts).Draw(t, "text")
	}
	return rapid.SampledFrom(modelNumbers).Draw(t, "number")
}

func commitDrawn(t *rapid.T, opened *store.Store) store.JournalEntry {
	fields, tags := map[string]any{"always": true}, map[string]string{}
	for _, column := range modelColumns {
		switch rapid.IntRange(0, 4).Draw(t, "column") {
		case 0, 1, 2:
			fields[column] = drawFieldValue(t)
		case 3:
			if text := rapid.SampledFrom(modelTexts[1:5]).Draw(t, "tag"); text != "" {
				tags[column] = text
			}
		}
	}
	command, err := store.NewJournalCommand(rapid.SampledFrom([]string{"acme", "other", ""}).Draw(t, "namespace"),
		rapid.SampledFrom(modelMeasurements).Draw(t, "measurement"), fields, tags)
	require.NoError(t, err)
	outcome, err := submit(opened, command)
	require.NoError(t, err)
	all, err := opened.QueryJournal(`from(bucket: "b") |> range(start: 1970-01-01)`)
	require.NoError(t, err)
	last := all[len(all)-1]
	require.Equal(t, outcome.EntryID, last.EntryID, "what is committed is found at once")
	require.Equal(t, fields, last.Fields)
	require.Equal(t, tags, last.Tags)
	return last
}

// modelColumn is the value of a column of an entry, nil where there is none.
func modelColumn(entry *store.JournalEntry, name string) any {
	switch name {
	case "_time":
		return entry.CommittedAt
	case "_measurement":
		return entry.Measurement
	case "namespace":
		if entry.Namespace == "" {
			return nil
		}
		return entry.Namespace
	}
	if tag, found := entry.Tags[name]; found {
		return tag
	}
	return entry.Fields[name]
}

// drawnPredicate is a predicate as it stands in a query, and what it says: true, false
// or nil.
type drawnPredicate struct {
	text  string
	holds func(entry *store.JournalEntry) any
}

func drawPredicate(t *rapid.T, depth int) drawnPredicate {
	kinds := 8
	if depth == 0 {
		kinds = 5
	}
	switch rapid.IntRange(0, kinds).Draw(t, "predicate") {
	case 0:
		column := rapid.SampledFrom(modelColumns).Draw(t, "column")
		return drawnPredicate{"exists " + columnText(column), func(entry *store.JournalEntry) any { return modelColumn(entry, column) != nil }}
	case 1:
		column := rapid.SampledFrom(append(modelColumns, "always")).Draw(t, "column")
		return drawnPredicate{columnText(column), func(entry *store.JournalEntry) any {
			value, _ := modelColumn(entry, column).(bool)
			if value {
				return true
			}
			if _, isBoolean := modelColumn(entry, column).(bool); isBoolean {
				return false
			}
			return nil
		}}
	case 2, 3, 4, 5:
		return drawComparison(t)
	case 6:
		inner := drawPredicate(t, depth-1)
		return drawnPredicate{"not (" + inner.text + ")", func(entry *store.JournalEntry) any {
			if value, known := inner.holds(entry).(bool); known {
				return !value
			}
			return nil
		}}
	default:
		return drawLogical(t, depth)
	}
}

// rank of a truth, where "and" is the least of its operands and "or" the greatest.
func truthRank(value any) int {
	switch value {
	case true:
		return 2
	case false:
		return 0
	}
	return 1
}

func drawLogical(t *rapid.T, depth int) drawnPredicate {
	operator := rapid.SampledFrom([]string{"and", "or"}).Draw(t, "operator")
	var operands []drawnPredicate
	var texts []string
	for range rapid.IntRange(2, 3).Draw(t, "operands") {
		operand := drawPredicate(t, depth-1)
		operands, texts = append(operands, operand), append(texts, "("+operand.text+")")
	}
	return drawnPredicate{strings.Join(texts, " "+operator+" "), func(entry *store.JournalEntry) any {
		ranks := make([]int, len(operands))
		for index := range operands {
			ranks[index] = truthRank(operands[index].holds(entry))
		}
		rank := slices.Min(ranks)
		if operator == "or" {
			rank = slices.Max(ranks)
		}
		return map[int]any{0: false, 1: nil, 2: true}[rank]
	}}
}

func drawComparison(t *rapid.T) drawnPredicate {
	operator := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "operator")
	column := rapid.SampledFrom(append(modelColumns, "namespace")).Draw(t, "column")
	var right func(entry *store.JournalEntry) any
	var rightText string
	switch rapid.IntRange(0, 5).Draw(t, "right") {
	case 0:
		other := rapid.SampledFrom(append(modelColumns, "_measurement")).Draw(t, "other")
		right, rightText = func(entry *store.JournalEntry) any { return modelColumn(entry, other) }, columnText(other)
	case 1:
		column = "_measurement"
		text := rapid.SampledFrom(modelMeasurements).Draw(t, "measurement")
		right, rightText = func(*store.JournalEntry) any { return text }, valueText(text)
	default:
		value := drawFieldValue(t)
		if _, isBoolean := value.(bool); isBoolean && operator != "!=" {
			operator = "=="
		}
		right, rightText = func(*store.JournalEntry) any { return value }, valueText(value)
	}
	return drawnPredicate{columnText(column) + " " + operator + " " + rightText, func(entry *store.JournalEntry) any {
		return modelCompare(operator, modelColumn(entry, column), right(entry))
	}}
}

func modelCompare(operator string, left, right any) any {
	if left == nil || right == nil || modelRank(left) != modelRank(right) {
		return nil
	}
	if _, isBoolean := left.(bool); isBoolean && operator != "==" && operator != "!=" {
		return nil
	}
	order := modelOrder(left, right)
	return strings.Contains(operator, "=") && operator != "!=" && order == 0 ||
		strings.HasPrefix(operator, "<") && order < 0 || strings.HasPrefix(operator, ">") && order > 0 || operator == "!=" && order != 0
}

// modelRank is the place of a value among those of other kinds.
func modelRank(value any) int {
	switch value.(type) {
	case nil:
		return 0
	case bool:
		return 1
	case string:
		return 3
	case time.Time:
		return 4
	}
	return 2
}

func modelOrder(left, right any) int {
	if rank := modelRank(left) - modelRank(right); rank != 0 {
		return rank
	}
	switch left := left.(type) {
	case nil:
		return 0
	case bool, string:
		return strings.Compare(fmt.Sprint(left), fmt.Sprint(right))
	case time.Time:
		other, _ := right.(time.Time)
		return left.Compare(other)
	}
	return modelNumber(left).Cmp(modelNumber(right))
}

func modelNumber(value any) *big.Rat {
	if float, isFloat := value.(float64); isFloat {
		return new(big.Rat).SetFloat64(float)
	}
	number, _ := new(big.Rat).SetString(fmt.Sprint(value))
	return number
}

func columnText(column string) string { return "r[" + valueText(column) + "]" }

func valueText(value any) string {
	switch value := value.(type) {
	case string:
		return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, "${", `\${`).Replace(value) + `"`
	case uint64:
		return fmt.Sprintf(`uint(v: "%d")`, value)
	case float64:
		text := strconv.FormatFloat(value, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += "."
		}
		return text
	}
	return fmt.Sprint(value)
}

// drawnStage is a stage as it stands in a query, and what it makes of entries.
type drawnStage struct {
	text  string
	apply func(entries []store.JournalEntry) []store.JournalEntry
}

func drawStage(t *rapid.T) drawnStage {
	switch rapid.IntRange(0, 3).Draw(t, "stage") {
	case 0:
		count, offset := rapid.IntRange(0, 12).Draw(t, "count"), rapid.IntRange(0, 5).Draw(t, "offset")
		return drawnStage{fmt.Sprintf(" |> limit(n: %d, offset: %d)", count, offset), func(entries []store.JournalEntry) []store.JournalEntry {
			entries = entries[min(offset, len(entries)):]
			return entries[:min(count, len(entries))]
		}}
	case 1:
		return drawSort(t)
	}
	predicate := drawPredicate(t, 2)
	return drawnStage{" |> filter(fn: (r) => " + predicate.text + ")", func(entries []store.JournalEntry) []store.JournalEntry {
		return slices.DeleteFunc(slices.Clone(entries), func(entry store.JournalEntry) bool { return predicate.holds(&entry) != true })
	}}
}

func drawSort(t *rapid.T) drawnStage {
	descending := rapid.Bool().Draw(t, "descending")
	columns := rapid.SliceOfN(rapid.SampledFrom(append(modelColumns, "_time", "_measurement", "namespace")), 1, 3).Draw(t, "columns")
	var texts []string
	for _, column := range columns {
		texts = append(texts, valueText(column))
	}
	return drawnStage{fmt.Sprintf(" |> sort(columns: [%s], desc: %t)", strings.Join(texts, ", "), descending), func(entries []store.JournalEntry) []store.JournalEntry {
		entries = slices.Clone(entries)
		slices.SortStableFunc(entries, func(left, right store.JournalEntry) int {
			for _, column := range columns {
				one, other := modelColumn(&left, column), modelColumn(&right, column)
				order := modelOrder(one, other)
				if descending && one != nil && other != nil {
					order = -order
				}
				if order != 0 {
					return order
				}
			}
			return 0
		})
		return entries
	}}
}

func checkDrawnQuery(t *rapid.T, opened *store.Store, entries []store.JournalEntry, start time.Time) {
	query := store.JournalQuery{
		Namespace: rapid.SampledFrom([]string{"acme", "other", ""}).Draw(t, "namespace"),
		Limit:     rapid.SampledFrom([]int{0, 0, 1, 3, 10}).Draw(t, "limit"),
	}
	from := start.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "from")) * time.Second)
	to := from.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "to")) * time.Second)
	query.Flux = fmt.Sprintf(`from(bucket: "b") |> range(start: %s, stop: %s)`, from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano))
	wanted := slices.DeleteFunc(slices.Clone(entries), func(entry store.JournalEntry) bool {
		return query.Namespace != "" && entry.Namespace != query.Namespace || entry.CommittedAt.Before(from) || !entry.CommittedAt.Before(to)
	})
	for range rapid.IntRange(0, 4).Draw(t, "stages") {
		stage := drawStage(t)
		query.Flux += stage.text
		wanted = stage.apply(wanted)
	}
	rows, err := opened.QueryJournalRows(query)
	require.NoError(t, err, query.Flux)
	truncated := query.Limit > 0 && len(wanted) > query.Limit
	if truncated {
		wanted = wanted[:query.Limit]
	}
	require.Equal(t, entryIDs(wanted), entryIDs(rows.Entries), query.Flux)
	require.Equal(t, truncated, rows.Truncated, query.Flux)
	for index := range wanted {
		require.Equal(t, wanted[index], rows.Entries[index])
	}
}
