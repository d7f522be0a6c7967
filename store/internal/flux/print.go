// SPDX-License-Identifier: EUPL-1.2

package flux

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// printer writes a query.
type printer struct{ strings.Builder }

func (printer *printer) printf(format string, arguments ...any) {
	fmt.Fprintf(printer, format, arguments...)
}

// String returns the query in a standard form. Two texts with the same meaning give the same
// form, except for the order and the parentheses of predicates.
func (query *Query) String() string {
	printer := &printer{}
	printer.printf("from(bucket: %s) |> range(start: %s", quote(query.Bucket), query.Start.String())
	if query.Stop != nil {
		printer.printf(", stop: %s", query.Stop.String())
	}
	printer.WriteString(")")
	for _, stage := range query.Stages {
		printer.WriteString(" |> ")
		stage.printStage(printer)
	}
	return printer.String()
}

// String returns the moment in the form of a query.
func (moment *Moment) String() string {
	switch {
	case moment.Now:
		return "now()"
	case moment.Relative != nil:
		return moment.Relative.String()
	}
	return moment.Time.UTC().Format(time.RFC3339Nano)
}

// String returns the duration in months and nanoseconds: -1mo5ns.
func (duration Duration) String() string {
	sign, months, nanoseconds := "", uint64(duration.Months), uint64(duration.Nanoseconds)
	if duration.Months < 0 || duration.Nanoseconds < 0 {
		sign, months, nanoseconds = "-", -months, -nanoseconds
	}
	if months == 0 {
		return fmt.Sprintf("%s%dns", sign, nanoseconds)
	}
	return fmt.Sprintf("%s%dmo%dns", sign, months, nanoseconds)
}

func (filter Filter) printStage(printer *printer) {
	printer.WriteString("filter(fn: (r) => ")
	filter.Predicate.write(printer)
	printer.WriteString(")")
}

func (sort Sort) printStage(printer *printer) {
	quoted := make([]string, len(sort.Columns))
	for index, column := range sort.Columns {
		quoted[index] = quote(column)
	}
	printer.printf("sort(columns: [%s], desc: %t)", strings.Join(quoted, ", "), sort.Descending)
}

func (limit Limit) printStage(printer *printer) {
	printer.printf("limit(n: %d, offset: %d)", limit.Count, limit.Offset)
}

func (column Column) write(printer *printer) {
	if isName(column.Name) {
		printer.printf("r.%s", column.Name)
		return
	}
	printer.printf("r[%s]", quote(column.Name))
}

func (literal Literal) write(printer *printer) {
	switch value := literal.Value.(type) {
	case string:
		printer.WriteString(quote(value))
	case uint64:
		printer.printf(`uint(v: "%d")`, value)
	case float64:
		text := strconv.FormatFloat(value, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		printer.WriteString(text)
	case time.Time:
		printer.WriteString(value.UTC().Format(time.RFC3339Nano))
	default:
		printer.printf("%v", value)
	}
}

func (comparison Comparison) write(printer *printer) {
	printer.operand(comparison.Left)
	printer.printf(" %s ", comparison.Operator)
	printer.operand(comparison.Right)
}

// operand writes a side of a comparison.
func (printer *printer) operand(expression Expression) {
	switch expression.(type) {
	case Column, Literal:
		expression.write(printer)
	default:
		printer.enclosed(expression)
	}
}

func (printer *printer) enclosed(expression Expression) {
	printer.WriteString("(")
	expression.write(printer)
	printer.WriteString(")")
}

func (logical Logical) write(printer *printer) {
	for index, operand := range logical.Operands {
		if index > 0 {
			printer.printf(" %s ", logical.Operator)
		}
		printer.part(operand)
	}
}

// part writes an operand of a logical expression.
func (printer *printer) part(expression Expression) {
	if _, nested := expression.(Logical); nested {
		printer.enclosed(expression)
		return
	}
	expression.write(printer)
}

func (not Not) write(printer *printer) {
	printer.WriteString("not ")
	printer.part(not.Operand)
}

func (exists Exists) write(printer *printer) {
	printer.WriteString("exists ")
	exists.Column.write(printer)
}

var quoting = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`, `"`, `\"`, `\`, `\\`, "${", `\${`)

func quote(text string) string { return `"` + quoting.Replace(text) + `"` }
