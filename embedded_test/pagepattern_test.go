// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ellipsis stands for an omission on the page: any value, further elements of a list,
// further members of an object, or a part of a string.
const ellipsis = "…"

// parsePattern reads JSON that may have ellipses outside of strings too.
func parsePattern(text string) (any, error) { return parseJSON(quoteEllipses(text)) }

func parseJSON(text string) (value any, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("%w: %.500s", err, text)
	}
	if decoder.More() {
		return nil, fmt.Errorf("more than one value: %.500s", text)
	}
	return value, nil
}

// quoteEllipses turns each ellipsis outside of strings into a string. If an object needs a
// member there, it becomes a member.
func quoteEllipses(text string) string {
	var quoted strings.Builder
	var open []rune // the open brackets
	var last rune   // the letter before, without white space
	inString, escaped := false, false
	for _, letter := range text {
		before := last
		if !strings.ContainsRune(" \n", letter) {
			last = letter
		}
		switch {
		case inString:
			inString = letter != '"' || escaped
			escaped = letter == '\\' && !escaped
		case letter == '"':
			inString = true
		case letter == '{' || letter == '[':
			open = append(open, letter)
		case letter == '}' || letter == ']':
			open = open[:max(len(open)-1, 0)]
		case string(letter) == ellipsis && before != ':' && len(open) > 0 && open[len(open)-1] == '{':
			quoted.WriteString(`"…":`)
		}
		if string(letter) == ellipsis && !inString {
			quoted.WriteString(`"…"`)
			continue
		}
		quoted.WriteRune(letter)
	}
	return quoted.String()
}

// difference returns the place at which got does not match want, "" if it matches. A time
// matches any time.
func difference(path string, want, got any) string {
	switch want := want.(type) {
	case string:
		return differentText(path, want, got)
	case map[string]any:
		return differentObject(path, want, got)
	case []any:
		return differentList(path, want, got)
	}
	if want != got {
		return fmt.Sprintf("%s is %v, not %v", path, got, want)
	}
	return ""
}

func differentText(path, want string, got any) string {
	if want == ellipsis {
		return ""
	}
	text, ok := got.(string)
	if !ok || !matchesText(want, text) {
		return fmt.Sprintf("%s is %q, not %q", path, got, want)
	}
	return ""
}

func matchesText(want, got string) bool {
	if isTime(want) {
		return isTime(got)
	}
	parts := strings.Split(want, ellipsis)
	for index := range parts {
		parts[index] = regexp.QuoteMeta(parts[index])
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, `.*`) + `$`).MatchString(got)
}

// isTime reports whether a text is a time of the contract: in UTC with up to nine decimals.
func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil && strings.HasSuffix(text, "Z")
}

func differentObject(path string, want map[string]any, got any) string {
	members, ok := got.(map[string]any)
	if !ok {
		return fmt.Sprintf("%s is %v, no object", path, got)
	}
	_, open := want[ellipsis]
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if _, named := want[name]; !named && !open {
			return fmt.Sprintf("%s has a member %q that is not expected: %v", path, name, members[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if name == ellipsis {
			continue
		}
		if _, there := members[name]; !there {
			return fmt.Sprintf("%s has no member %q", path, name)
		}
		if different := difference(path+"/"+name, want[name], members[name]); different != "" {
			return different
		}
	}
	return ""
}

func differentList(path string, want []any, got any) string {
	elements, ok := got.([]any)
	if !ok {
		return fmt.Sprintf("%s is %v, no list", path, got)
	}
	if count := len(want); count > 0 && want[count-1] == ellipsis {
		want = want[:count-1]
		elements = elements[:min(len(want), len(elements))]
	}
	if len(elements) != len(want) {
		return fmt.Sprintf("%s has %d elements, not %d: %v", path, len(elements), len(want), elements)
	}
	for index := range want {
		if different := difference(fmt.Sprintf("%s/%d", path, index), want[index], elements[index]); different != "" {
			return different
		}
	}
	return ""
}

// requirePattern asserts that data is JSON that matches pattern.
func requirePattern(t *testing.T, pattern string, data []byte) {
	t.Helper()
	want, err := parsePattern(pattern)
	require.NoError(t, err, "the page")
	got, err := parseJSON(string(bytes.TrimSpace(data)))
	require.NoError(t, err)
	require.Empty(t, difference("", want, got), "%.2000s", data)
}

func TestPagePattern_Difference_Good(t *testing.T) {
	for pattern, text := range map[string]string{
		`{"a":1,"b":["x",null,true]}`: `{"b":["x",null,true],"a":1}`,
		`"2026-11-22T10:00:00Z"`:      `"2026-11-23T11:59:59.123456789Z"`,
		`"store.Get: … is not there"`: `"store.Get: config/theme is not there"`,
		`{"a":…,"b":2}`:               `{"a":{"c":[1]},"b":2}`,
		`{"a":1,…}`:                   `{"a":1,"b":2}`,
		`{…}`:                         `{"a":1}`,
		`{"a":[1, …], …}`:             `{"a":[1,2,3],"b":2}`,
		`[…]`:                         `[]`,
		`{"a":"in \" a string…{","b":[{…},2]}`: `{"a":"in \" a string, {","b":[{"c":1},2]}`,
	} {
		requirePattern(t, pattern, []byte(text))
	}
}

func TestPagePattern_Difference_Bad(t *testing.T) {
	for _, test := range []struct{ pattern, text, path string }{
		{`{"a":1}`, `{"a":2}`, "/a"},
		{`{"a":1}`, `{"a":"1"}`, "/a"},
		{`{"a":1}`, `{}`, `"a"`},
		{`{"a":1}`, `{"a":1,"b":2}`, `"b"`},
		{`{"a":1,…}`, `{"b":2}`, `"a"`},
		{`{"a":{"b":[1,2]}}`, `{"a":{"b":[1,3]}}`, "/a/b/1"},
		{`[1]`, `[1,2]`, "elements"},
		{`[1,…]`, `[]`, "elements"},
		{`{}`, `[]`, "object"},
		{`[]`, `{}`, "list"},
		{`"2026-11-22T10:00:00Z"`, `"2026-11-22T10:00:00+01:00"`, "not"},
		{`"2026-11-22T10:00:00Z"`, `"now"`, "not"},
		{`"a…c"`, `"abd"`, "not"},
		{`"a.c"`, `"abc"`, "not"},
		{`null`, `false`, "not"},
		{`null`, `""`, "not"},
	} {
		want, err := parsePattern(test.pattern)
		require.NoError(t, err)
		got, err := parseJSON(test.text)
		require.NoError(t, err)
		assert.Contains(t, difference("", want, got), test.path, "%s is not %s", test.text, test.pattern)
	}
	for _, text := range []string{`{"a":1}{}`, `{"a"}`, ``, `{"a":1,}`} {
		_, err := parsePattern(text)
		assert.Error(t, err, "%s", text)
	}
}
