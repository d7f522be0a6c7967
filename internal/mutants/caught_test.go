// SPDX-License-Identifier: EUPL-1.2

//go:build mutants

package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCaught_Sound_Good runs the tests of all mutants without a mutant: each passes.
func TestCaught_Sound_Good(t *testing.T) {
	names := map[string][]string{}
	for _, mutant := range mutants {
		if !slices.Contains(names[mutant.folder], mutant.test) {
			names[mutant.folder] = append(names[mutant.folder], mutant.test)
		}
	}
	for folder, names := range names {
		output, err := runTest(t, folder, strings.Join(names, "|"), nil)
		assert.NoError(t, err, "%s", output)
	}
}

// TestCaught_Mutants_Ugly runs for each mutant the test that has to catch it: it fails, by what it
// finds.
func TestCaught_Mutants_Ugly(t *testing.T) {
	for _, mutant := range mutants {
		t.Run(mutant.name, func(t *testing.T) {
			began := time.Now()
			output, err := runTest(t, mutant.folder, mutant.test, mutant.apply(t))
			require.Error(t, err, "%s does not catch it", mutant.test)
			assert.Contains(t, output, "--- FAIL: "+mutant.test, "the failure is another")
			assert.NotContains(t, output, "panic: test timed out")
			t.Logf("%s catches it within %.0f s", mutant.test, time.Since(began).Seconds())
		})
	}
}

// runTest runs tests of a folder with some files replaced, also in the programs that they build.
func runTest(t *testing.T, folder, names string, replaced map[string]string) (output string, err error) {
	t.Helper()
	scratch := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for path, content := range replaced {
		overlay.Replace[path] = filepath.Join(scratch, fmt.Sprintf("%d-%s", len(overlay.Replace), filepath.Base(path)))
		require.NoError(t, os.WriteFile(overlay.Replace[path], []byte(content), 0o600))
	}
	encoded, err := json.Marshal(overlay)
	require.NoError(t, err)
	file := filepath.Join(scratch, "overlay.json")
	require.NoError(t, os.WriteFile(file, encoded, 0o600))
	command := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-failfast", "-vet=off", "-timeout=10m", "-run", "^("+names+")$", "./"+folder)
	command.Dir = root
	command.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+file)
	bytes, err := command.CombinedOutput()
	return string(bytes), err
}
