// SPDX-License-Identifier: EUPL-1.2

package mutants

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the folder of the project, from here.
const root = "../.."

// TestApply_Mutants_Good finds the lines of each mutant, and the test that has to catch it.
func TestApply_Mutants_Good(t *testing.T) {
	for _, mutant := range mutants {
		t.Run(mutant.name, func(t *testing.T) {
			for file, content := range mutant.apply(t) {
				_, err := parser.ParseFile(token.NewFileSet(), file, content, parser.SkipObjectResolution)
				assert.NoError(t, err)
			}
			assert.True(t, hasTest(t, mutant.folder, mutant.test), "%s has no %s", mutant.folder, mutant.test)
		})
	}
}

// apply returns the files that the mutant replaces, by their absolute names.
func (mutant *mutant) apply(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, edit := range mutant.edits {
		path, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(edit.file)))
		require.NoError(t, err)
		content, edited := files[path]
		if !edited {
			bytes, err := os.ReadFile(path)
			require.NoError(t, err)
			content = strings.ReplaceAll(string(bytes), "\r\n", "\n")
		}
		require.Equal(t, 1, strings.Count(content, edit.old), "how often %s has %q", edit.file, edit.old)
		files[path] = strings.Replace(content, edit.old, edit.replacement, 1)
	}
	return files
}

func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(content), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
