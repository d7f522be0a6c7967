// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parseSubjects reads the source of package subjects without its tests.
func parseSubjects(t *testing.T) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob("../subjects/*.go")
	require.NoError(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	require.NotEmpty(t, files)
	return files
}

// constantsOf returns string constants of package subjects. Their names have the prefix and
// go on with a capital.
func constantsOf(t *testing.T, prefix string) (values []string) {
	t.Helper()
	for _, file := range parseSubjects(t) {
		ast.Inspect(file, func(node ast.Node) bool {
			constant, ok := node.(*ast.ValueSpec)
			if ok && len(constant.Values) == 1 && strings.HasPrefix(constant.Names[0].Name, prefix) {
				values = append(values, stringOf(constant.Values[0]))
			}
			return true
		})
	}
	return slices.DeleteFunc(values, func(value string) bool { return value == "" })
}

// errorsOf returns the code of each error of package subjects by its name.
func errorsOf(t *testing.T) map[string]string {
	t.Helper()
	codes := map[string]string{}
	for _, file := range parseSubjects(t) {
		ast.Inspect(file, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok || fmt.Sprint(literal.Type) != "Error" {
				return true
			}
			values := map[string]ast.Expr{}
			for _, element := range literal.Elts {
				if pair, ok := element.(*ast.KeyValueExpr); ok {
					values[fmt.Sprint(pair.Key)] = pair.Value
				}
			}
			if code, ok := values["Code"].(*ast.BasicLit); ok {
				codes[stringOf(values["Name"])] = code.Value
			}
			return true
		})
	}
	return codes
}

// stringOf returns the value of a string literal, "" if the expression is anything else.
func stringOf(expression ast.Expr) string {
	literal, ok := expression.(*ast.BasicLit)
	if !ok || literal.Kind != gotoken.STRING {
		return ""
	}
	value, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return value
}
