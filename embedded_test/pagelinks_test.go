// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// files returns the files of the project with one of the endings.
func files(t *testing.T, endings ...string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		for _, ending := range endings {
			if strings.HasSuffix(path, ending) {
				paths = append(paths, path)
			}
		}
		return nil
	}))
	return paths
}

func text(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

// anchors returns the anchors of the headings of a page.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ +(.*)$`).FindAllStringSubmatch(page, -1) {
		name := strings.Map(func(char rune) rune {
			switch {
			case char == ' ':
				return '-'
			case unicode.IsLetter(char), unicode.IsDigit(char), char == '-', char == '_':
				return unicode.ToLower(char)
			}
			return -1
		}, heading[1])
		found[name] = true
	}
	return found
}

// Every link from one page of the project to another has a target.
func TestPagelinks_Links_Good(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`|(?m)^(    |\t)[^\n]*$")
	count := 0
	for _, path := range files(t, ".md") {
		for _, target := range link.FindAllStringSubmatch(code.ReplaceAllString(text(t, path), ""), -1) {
			address, anchor, _ := strings.Cut(target[1], "#")
			if strings.Contains(address, "://") {
				continue
			}
			count++
			place := path
			if address != "" {
				place = filepath.Join(filepath.Dir(path), address)
			}
			_, err := os.Stat(place)
			if !assert.NoError(t, err, "%s links to %s", path, target[1]) || anchor == "" {
				continue
			}
			assert.True(t, anchors(text(t, place))[anchor], "%s links to %s", path, target[1])
		}
	}
	assert.Greater(t, count, 60)
}

// If a page names a test as the proof of a promise, that test exists.
func TestPagelinks_Promises_Good(t *testing.T) {
	declared := map[string]bool{}
	for _, path := range files(t, "_test.go") {
		for _, name := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(text(t, path), -1) {
			declared[name[1]] = true
		}
	}
	for _, path := range files(t, ".md") {
		for _, name := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(text(t, path), -1) {
			assert.True(t, declared[name[1]], "%s names %s", path, name[1])
		}
	}
}

// The list of words beside the dictionary is sorted, and each word is on a page.
func TestPagelinks_Words_Good(t *testing.T) {
	words := strings.Fields(text(t, filepath.Join("..", "docs", "words.txt")))
	assert.True(t, slices.IsSortedFunc(words, func(one, other string) int {
		return strings.Compare(strings.ToLower(one), strings.ToLower(other))
	}))
	var pages strings.Builder
	for _, path := range files(t, ".md") {
		pages.WriteString(strings.ToLower(text(t, path)))
	}
	for _, word := range words {
		assert.Contains(t, pages.String(), strings.ToLower(word), "no page needs %s in docs/words.txt", word)
	}
}
