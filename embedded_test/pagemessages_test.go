// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// programTexts are the texts in the sources of the program.
func programTexts(t *testing.T) (texts []string) {
	t.Helper()
	for _, path := range files(t, ".go") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(source, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == gotoken.STRING {
				value, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				texts = append(texts, value)
			}
			return true
		})
	}
	return texts
}

var formatVerb = regexp.MustCompile(`%[+#]?[a-z]`)

// saysPart reports whether one of the texts contains a part of a message. A format contains
// it if some values for its verbs produce it.
func saysPart(texts []string, part string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		if strings.Contains(text, part) {
			return true
		}
		if len(formatVerb.ReplaceAllString(text, "")) < 15 {
			return false // such a format produces nearly every text
		}
		pieces := formatVerb.Split(text, -1)
		for index := range pieces {
			pieces[index] = regexp.QuoteMeta(pieces[index])
		}
		return regexp.MustCompile(`^` + strings.Join(pieces, `.*`) + `$`).MatchString(part)
	})
}

// Every message on the page of troubles is a message of the program.
func TestPagemessages_Troubleshooting_Good(t *testing.T) {
	t.Parallel()
	texts := programTexts(t)
	count := 0
	check := func(cell string) {
		for _, message := range codeOf(cell) {
			for part := range strings.SplitSeq(message, ellipsis) {
				if part = strings.TrimSpace(part); len(part) > 3 {
					count++
					assert.True(t, saysPart(texts, part), "the program does not say %q: %s", part, cell)
				}
			}
		}
	}
	tables := tablesOf(text(t, "../docs/troubleshooting.md"))
	for title, found := range tables {
		for _, table := range found {
			for _, row := range table {
				check(row[0])
				if strings.Contains(title, "ends with") {
					check(row[1])
				}
			}
		}
	}
	assert.Greater(t, count, 50)
}

func TestPagemessages_SaysPart_Bad(t *testing.T) {
	texts := []string{"the endpoint answers %d %s", "%s: %w", "the broker is away"}
	assert.True(t, saysPart(texts, "the endpoint answers 404 Not Found"))
	assert.True(t, saysPart(texts, "broker is"))
	for _, part := range []string{"the endpoint says 401", "a: b", "the broker is gone"} {
		assert.False(t, saysPart(texts, part), part)
	}
}
