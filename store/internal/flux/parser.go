// SPDX-License-Identifier: EUPL-1.2

package flux

import "strings"

// maxDepth is the deepest nesting of parentheses and "not".
const maxDepth = 100

// Parse reads a query. It returns an Error for an invalid query, and for parts of Flux that are
// not allowed.
//
//	query, err := flux.Parse(`from(bucket: "journal") |> range(start: -1h) |> limit(n: 10)`)
func Parse(text string) (*Query, error) {
	parser := &parser{text: text, tokens: scan(text)}
	query := &Query{}
	if err := parser.query(query); err != nil {
		return nil, err
	}
	return query, nil
}

// parser goes through the tokens of a text. A method named after a part of a query
// reads that part.
type parser struct {
	text   string
	tokens []token
	depth  int
}

// peek returns the next token. The last token is never removed.
func (parser *parser) peek() token { return parser.tokens[0] }

func (parser *parser) advance() token {
	next := parser.tokens[0]
	if len(parser.tokens) > 1 {
		parser.tokens = parser.tokens[1:]
	}
	return next
}

// sees reports whether the next token is a sign or a word.
func (parser *parser) sees(text string) bool {
	next := parser.peek()
	return (next.kind == tokenSign || next.kind == tokenIdentifier) && next.text == text
}

// accept removes a sign or a word if it comes next.
func (parser *parser) accept(text string) bool {
	if !parser.sees(text) {
		return false
	}
	parser.advance()
	return true
}

func (parser *parser) expect(text string) error {
	if !parser.accept(text) {
		return parser.unexpected(`"` + text + `"`)
	}
	return nil
}

// expectAll reads signs and words that must follow each other.
func (parser *parser) expectAll(texts ...string) error {
	for _, text := range texts {
		if err := parser.expect(text); err != nil {
			return err
		}
	}
	return nil
}

func (parser *parser) position(token token) Position { return positionOf(parser.text, token.offset) }

func (parser *parser) fail(token token, format string, arguments ...any) error {
	return failAt(parser.position(token), format, arguments...)
}

// unexpected returns the error if the next token is not the wanted one.
func (parser *parser) unexpected(wanted string) error {
	next := parser.peek()
	if next.kind == tokenInvalid {
		return parser.fail(next, "%s", next.text)
	}
	return parser.fail(next, "%s comes where %s is expected", next.describe(), wanted)
}

// take removes the next token. It returns an error if the token is of another kind.
func (parser *parser) take(kind tokenKind, wanted string) (token, error) {
	if parser.peek().kind != kind {
		return token{}, parser.unexpected(wanted)
	}
	return parser.advance(), nil
}

const stageNames = "filter, sort or limit"

func (parser *parser) query(query *Query) error {
	if err := parser.expect("from"); err != nil {
		return err
	}
	if err := parser.from(query); err != nil {
		return err
	}
	if err := parser.expectAll("|>", "range"); err != nil {
		return err
	}
	if err := parser.timeRange(query); err != nil {
		return err
	}
	for parser.accept("|>") {
		stage, err := parser.stage()
		if err != nil {
			return err
		}
		query.Stages = append(query.Stages, stage)
	}
	if parser.peek().kind != tokenEnd {
		return parser.unexpected(`"|>" or the end of the query`)
	}
	return nil
}

// parameter is a possible argument of a function.
type parameter struct {
	name     string
	required bool
	// read reads the value.
	read func() error
}

// call reads the arguments of a function, in parentheses.
func (parser *parser) call(function string, parameters ...parameter) error {
	opening := parser.peek()
	if err := parser.expect("("); err != nil {
		return err
	}
	given := map[string]bool{}
	for !parser.accept(")") {
		if len(given) > 0 {
			if !parser.accept(",") {
				return parser.unexpected(`"," or ")"`)
			}
		}
		if err := parser.argument(function, parameters, given); err != nil {
			return err
		}
	}
	for _, parameter := range parameters {
		if parameter.required && !given[parameter.name] {
			return parser.fail(opening, "%s needs the parameter %q", function, parameter.name)
		}
	}
	return nil
}

func (parser *parser) argument(function string, parameters []parameter, given map[string]bool) error {
	name, err := parser.take(tokenIdentifier, "a parameter of "+function)
	if err != nil {
		return err
	}
	var names []string
	for _, parameter := range parameters {
		names = append(names, parameter.name)
		if parameter.name != name.text {
			continue
		}
		if given[name.text] {
			return parser.fail(name, "%s has the parameter %q twice", function, name.text)
		}
		given[name.text] = true
		if err := parser.expect(":"); err != nil {
			return err
		}
		return parameter.read()
	}
	return parser.fail(name, "%s has no parameter %s here, only %s", function, name.describe(), strings.Join(names, " and "))
}

func (parser *parser) from(query *Query) error {
	return parser.call("from", parameter{"bucket", true, func() error {
		bucket, err := parser.take(tokenString, "the name of a bucket, a string,")
		query.Bucket, query.BucketPosition = bucket.text, parser.position(bucket)
		return err
	}})
}

func (parser *parser) timeRange(query *Query) error {
	return parser.call("range",
		parameter{"start", true, func() (err error) { query.Start, err = parser.moment(); return err }},
		parameter{"stop", false, func() error {
			stop, err := parser.moment()
			query.Stop = &stop
			return err
		}})
}

func (parser *parser) stage() (Stage, error) {
	function := parser.peek()
	switch {
	case parser.accept("filter"):
		return parser.filter()
	case parser.accept("sort"):
		return parser.sort()
	case parser.accept("limit"):
		return parser.limit()
	case function.kind == tokenIdentifier:
		return nil, parser.fail(function, "there is no function %s here, only %s, behind from and one range", function.describe(), stageNames)
	}
	return nil, parser.unexpected(stageNames)
}

func (parser *parser) filter() (Stage, error) {
	var filter Filter
	err := parser.call("filter", parameter{"fn", true, func() (err error) {
		if err := parser.expectAll("(", "r", ")", "=>"); err != nil {
			return err
		}
		first := parser.peek()
		if filter.Predicate, err = parser.condition(); err != nil {
			return err
		}
		return parser.checkCondition(first, filter.Predicate, `"=>"`)
	}})
	return filter, err
}

func (parser *parser) sort() (Stage, error) {
	var sort Sort
	err := parser.call("sort",
		parameter{"columns", true, func() (err error) { sort.Columns, err = parser.columns(); return err }},
		parameter{"desc", false, func() (err error) { sort.Descending, err = parser.boolean(); return err }})
	return sort, err
}

// columns reads a list of one name or more.
func (parser *parser) columns() (columns []string, err error) {
	if err := parser.expect("["); err != nil {
		return nil, err
	}
	for {
		name, err := parser.columnName()
		if err != nil {
			return nil, err
		}
		columns = append(columns, name)
		if parser.accept("]") {
			return columns, nil
		}
		if !parser.accept(",") {
			return nil, parser.unexpected(`"," or "]"`)
		}
	}
}

func (parser *parser) boolean() (bool, error) {
	switch {
	case parser.accept("true"):
		return true, nil
	case parser.accept("false"):
		return false, nil
	}
	return false, parser.unexpected("true or false")
}

func (parser *parser) limit() (Stage, error) {
	var limit Limit
	err := parser.call("limit",
		parameter{"n", true, func() (err error) { limit.Count, err = parser.count(); return err }},
		parameter{"offset", false, func() (err error) { limit.Offset, err = parser.count(); return err }})
	return limit, err
}
