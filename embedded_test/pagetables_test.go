// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pageTable is a table of the page: the cells of each row, in order.
type pageTable [][]string

// tablesOf returns every table of the prose by its header. There are two tables with the
// header "verb | request | reply".
func tablesOf(prose string) map[string][]pageTable {
	tables := map[string][]pageTable{}
	var table pageTable
	for line := range strings.Lines(prose + "\n") {
		if inner, isRow := strings.CutPrefix(line, "| "); isRow {
			table = append(table, cellsOf(inner))
			continue
		}
		if len(table) > 2 { // the header and its rule come first
			title := strings.Join(table[0], " | ")
			tables[title] = append(tables[title], table[2:])
		}
		table = nil
	}
	return tables
}

func cellsOf(row string) []string {
	cells := strings.Split(strings.TrimSuffix(strings.TrimSpace(row), "|"), "|")
	for index := range cells {
		cells[index] = strings.TrimSpace(cells[index])
	}
	return cells
}

// codeOf returns the texts in code marks.
func codeOf(text string) (words []string) {
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		words = append(words, match[1])
	}
	return words
}

// pageField is a field in the notation of the page: group?, or if?:[guard].
type pageField struct {
	name     string
	required bool
	object   string // the name of the object, or of a list's elements
}

var fieldNotation = regexp.MustCompile(`^([a-z_][a-z0-9_]*)(\??)(?::\[?([a-z]+)\]?)?$`)

// fieldsOf reads the fields in a cell. Code marks are around each field, or around all of
// them.
func fieldsOf(t *testing.T, cell string) (fields []pageField) {
	t.Helper()
	for _, word := range strings.Fields(strings.Join(codeOf(cell), " ")) {
		match := fieldNotation.FindStringSubmatch(word)
		require.NotNil(t, match, "%q is no field: %s", word, cell)
		fields = append(fields, pageField{name: match[1], required: match[2] == "", object: match[3]})
	}
	return fields
}

// contract is the content of the page's tables.
type contract struct {
	tenant, admin map[string]pageVerb
	raw           []string
	objects       map[string][]pageField
	fields        map[string]string // each field of a request, and the rest of its rows
	headers       []string
	errors        map[string]pageError
	events        map[string][]pageField
	prose         string
}

// pageVerb is the request and the reply of a verb.
type pageVerb struct{ request, reply []pageField }

// pageError is the code of an error, and its fields beside the message.
type pageError struct {
	code  string
	extra []pageField
}

func readContract(t *testing.T) *contract {
	t.Helper()
	prose, _ := readProtocolPage(t)
	tables := tablesOf(prose)
	read := &contract{prose: prose, objects: map[string][]pageField{}, fields: map[string]string{}, errors: map[string]pageError{}, events: map[string][]pageField{}}
	for _, row := range only(t, tables, "object | fields") {
		read.objects[codeOf(row[0])[0]] = fieldsOf(t, row[1])
	}
	verbs := tables["verb | request | reply"]
	require.Len(t, verbs, 2, "a table of a namespace's verbs, and one of an operator's")
	read.tenant, read.admin = read.verbsOf(t, verbs[0]), read.verbsOf(t, verbs[1])
	for _, row := range only(t, tables, "verb | payload | headers | reply") {
		read.raw = append(read.raw, codeOf(row[0])...)
	}
	for _, row := range only(t, tables, "field | type | what") {
		read.fields[codeOf(row[0])[0]] += row[1] + " " + row[2] + " "
	}
	for _, row := range only(t, tables, "header | on | what") {
		read.headers = append(read.headers, codeOf(row[0])...)
	}
	for _, row := range only(t, tables, "code | name | when | extra fields") {
		read.errors[codeOf(row[1])[0]] = pageError{code: row[0], extra: fieldsOf(t, row[3])}
	}
	for _, row := range only(t, tables, "type | what happened | fields") {
		read.events[codeOf(row[0])[0]] = fieldsOf(t, row[2])
	}
	return read
}

func only(t *testing.T, tables map[string][]pageTable, title string) pageTable {
	t.Helper()
	require.Len(t, tables[title], 1, "one table %q", title)
	return tables[title][0]
}

func (contract *contract) verbsOf(t *testing.T, table pageTable) map[string]pageVerb {
	t.Helper()
	verbs := map[string]pageVerb{}
	for _, row := range table {
		verb := pageVerb{request: fieldsOf(t, row[1]), reply: fieldsOf(t, row[2])}
		if strings.HasPrefix(row[2], "the ") {
			verb.reply = contract.objects[verb.reply[0].name]
		}
		verbs[codeOf(row[0])[0]] = verb
	}
	return verbs
}
