// SPDX-License-Identifier: EUPL-1.2

package flux

// The columns of every row beside its tags and fields.
const (
	ColumnTime        = "_time"
	ColumnMeasurement = "_measurement"
)

// Row returns the value of a column: bool, int64, uint64, float64 (finite), string, or
// time.Time for ColumnTime. It returns nil if the row has no such column.
type Row func(column string) any

// Expression is a part of a predicate.
type Expression interface {
	// Evaluate returns the value of the expression for a row, nil if it is unknown.
	Evaluate(row Row) any
	// kind is the kind of every value, kindNull if it depends on the row.
	kind() kind
	// write writes the expression in the form of a query.
	write(printer *printer)
}

// Column is the value of a column.
type Column struct{ Name string }

// Literal is a value in the text of the query.
type Literal struct{ Value any }

// Comparison compares two values. It is unknown if one value is unknown, or if their kinds
// cannot be compared.
type Comparison struct {
	Operator    string // == != < <= > >=
	Left, Right Expression
}

// Logical joins two or more expressions.
type Logical struct {
	Operator string // and, or
	Operands []Expression
}

// Not negates an expression.
type Not struct{ Operand Expression }

// Exists reports whether a row has a column.
type Exists struct{ Column Column }

// Evaluate implements Expression.
func (column Column) Evaluate(row Row) any { return row(column.Name) }

func (column Column) kind() kind {
	switch column.Name {
	case ColumnTime:
		return kindTime
	case ColumnMeasurement:
		return kindString
	}
	return kindNull
}

// Evaluate implements Expression.
func (literal Literal) Evaluate(Row) any { return literal.Value }

func (literal Literal) kind() kind { return kindOf(literal.Value) }

// Evaluate implements Expression.
func (comparison Comparison) Evaluate(row Row) any {
	left, right := comparison.Left.Evaluate(row), comparison.Right.Evaluate(row)
	if left == nil || kindOf(left) != kindOf(right) {
		return nil
	}
	equality := comparison.Operator == "==" || comparison.Operator == "!="
	if kindOf(left) == kindBoolean && !equality {
		return nil
	}
	return comparison.holds(Order(left, right))
}

func (comparison Comparison) holds(order int) bool {
	switch comparison.Operator {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func (Comparison) kind() kind { return kindBoolean }

// Evaluate implements Expression. One deciding operand is enough, whatever the others are.
func (logical Logical) Evaluate(row Row) any {
	deciding := logical.Operator == "or"
	unknown := false
	for _, operand := range logical.Operands {
		switch value, known := operand.Evaluate(row).(bool); {
		case !known:
			unknown = true
		case value == deciding:
			return deciding
		}
	}
	if unknown {
		return nil
	}
	return !deciding
}

func (Logical) kind() kind { return kindBoolean }

// Evaluate implements Expression.
func (not Not) Evaluate(row Row) any {
	if value, known := not.Operand.Evaluate(row).(bool); known {
		return !value
	}
	return nil
}

func (Not) kind() kind { return kindBoolean }

// Evaluate implements Expression.
func (exists Exists) Evaluate(row Row) any { return row(exists.Column.Name) != nil }

func (Exists) kind() kind { return kindBoolean }
