// SPDX-License-Identifier: EUPL-1.2

package flux

import "strings"

// condition reads an expression that is true or false.
func (parser *parser) condition() (Expression, error) {
	return parser.logical("or", func() (Expression, error) { return parser.logical("and", parser.unary) })
}

// logical reads one expression, or several with an operator between them.
func (parser *parser) logical(operator string, read func() (Expression, error)) (Expression, error) {
	first := parser.peek()
	expression, err := read()
	if err != nil || !parser.sees(operator) {
		return expression, err
	}
	joined := Logical{Operator: operator}
	for {
		if err := parser.checkCondition(first, expression, `"`+operator+`"`); err != nil {
			return nil, err
		}
		joined.Operands = append(joined.Operands, expression)
		if !parser.accept(operator) {
			return joined, nil
		}
		first = parser.peek()
		if expression, err = read(); err != nil {
			return nil, err
		}
	}
}

// checkCondition returns an error if an expression, which begins at a token, can be neither
// true nor false.
func (parser *parser) checkCondition(first token, expression Expression, where string) error {
	if found := expression.kind(); found != kindNull && found != kindBoolean {
		return parser.fail(first, "%s stands with %s, which is for what is true or false", found, where)
	}
	return nil
}

// nested reads an expression one level deeper.
func (parser *parser) nested(read func() (Expression, error)) (Expression, error) {
	if parser.depth == maxDepth {
		return nil, parser.fail(parser.peek(), `parentheses and "not" are nested more than %d deep`, maxDepth)
	}
	parser.depth++
	defer func() { parser.depth-- }()
	return read()
}

func (parser *parser) unary() (Expression, error) {
	switch {
	case parser.accept("not"):
		first := parser.peek()
		operand, err := parser.nested(parser.unary)
		if err == nil {
			err = parser.checkCondition(first, operand, `"not"`)
		}
		return Not{operand}, err
	case parser.accept("exists"):
		if !parser.sees("r") {
			return nil, parser.unexpected("a column, r.name,")
		}
		column, err := parser.column()
		return Exists{column}, err
	}
	return parser.comparison()
}

// comparators are the signs between the sides of a comparison.
var comparators = map[string]bool{"==": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true}

func (parser *parser) comparison() (Expression, error) {
	left, err := parser.operand()
	if err != nil {
		return nil, err
	}
	operator, compares, err := parser.comparator()
	if err != nil || !compares {
		return left, err
	}
	right, err := parser.operand()
	if err != nil {
		return nil, err
	}
	again, follows, err := parser.comparator()
	if follows {
		err = parser.fail(again, `comparisons do not follow one another: use "and", or parentheses`)
	}
	if err != nil {
		return nil, err
	}
	return Comparison{operator.text, left, right}, parser.checkComparison(operator, left.kind(), right.kind())
}

// comparator removes the sign of a comparison if one comes next.
func (parser *parser) comparator() (sign token, compares bool, err error) {
	next := parser.peek()
	switch {
	case next.kind != tokenSign:
	case next.text == "=~" || next.text == "!~":
		return next, false, parser.fail(next, "regular expressions are not allowed here: compare with == != < <= > >=")
	case comparators[next.text]:
		return parser.advance(), true, nil
	}
	return token{}, false, nil
}

// checkComparison returns an error if the two sides can never be compared.
func (parser *parser) checkComparison(operator token, left, right kind) error {
	switch {
	case left == kindBoolean || right == kindBoolean:
		if operator.text != "==" && operator.text != "!=" {
			return parser.fail(operator, "%q stands with a boolean, which is equal to another or not", operator.text)
		}
	case (left == kindTime) != (right == kindTime):
		return parser.fail(operator, "a time is compared with something else: only r.%s is a time", ColumnTime)
	}
	if left != kindNull && right != kindNull && left != right {
		return parser.fail(operator, "%s is compared with %s", left, right)
	}
	return nil
}

// operand reads a side of a comparison.
func (parser *parser) operand() (Expression, error) {
	next := parser.peek()
	switch next.kind {
	case tokenString:
		return Literal{parser.advance().text}, nil
	case tokenInteger, tokenFloat:
		value, err := parser.number("")
		return Literal{value}, err
	case tokenTime:
		value, err := parser.time()
		return Literal{value}, err
	case tokenDuration:
		return nil, parser.fail(next, "the duration %s stands in a filter; durations are for range", next.describe())
	}
	return parser.operandOfWords()
}

// operandOfWords reads a side of a comparison that begins with a sign or a word.
func (parser *parser) operandOfWords() (Expression, error) {
	switch {
	case parser.sees("r"):
		return parser.column()
	case parser.accept("true"):
		return Literal{true}, nil
	case parser.accept("false"):
		return Literal{false}, nil
	case parser.accept("uint"):
		value, err := parser.unsigned()
		return Literal{value}, err
	case parser.accept("-"):
		value, err := parser.number("-")
		return Literal{value}, err
	case parser.accept("("):
		inner, err := parser.nested(parser.condition)
		if err == nil {
			err = parser.expect(")")
		}
		return inner, err
	case parser.sees("/"):
		return nil, parser.fail(parser.peek(), "regular expressions are not allowed here")
	}
	return nil, parser.unexpected("a column, r.name, or a value")
}

// column reads "r" and the name of a column.
func (parser *parser) column() (Column, error) {
	if err := parser.expect("r"); err != nil {
		return Column{}, err
	}
	if parser.accept("[") {
		name, err := parser.columnName()
		if err == nil {
			err = parser.expect("]")
		}
		return Column{name}, err
	}
	if err := parser.expect("."); err != nil {
		return Column{}, err
	}
	name, err := parser.take(tokenIdentifier, "the name of a column")
	if err == nil && reserved[name.text] {
		err = parser.fail(name, "%s is a word of the language: write r[%q]", name.describe(), name.text)
	}
	if err == nil {
		err = parser.checkColumn(name)
	}
	return Column{name.text}, err
}

// columnName reads the name of a column in quotes.
func (parser *parser) columnName() (string, error) {
	name, err := parser.take(tokenString, "the name of a column, a string,")
	if err == nil {
		err = parser.checkColumn(name)
	}
	return name.text, err
}

// checkColumn returns an error if no tag and no field can have the name.
func (parser *parser) checkColumn(name token) error {
	switch {
	case name.text == ColumnTime || name.text == ColumnMeasurement:
		return nil
	case name.text == "":
		return parser.fail(name, "the name of a column is empty")
	case strings.HasPrefix(name.text, "_"):
		return parser.fail(name, "there is no column %q: a row is a whole point, with the columns %s and %s, and its tags and fields by name",
			name.text, ColumnTime, ColumnMeasurement)
	}
	return nil
}
