// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

// newChanges starts a sidecar with six changes.
func newChanges(t *testing.T) *shell {
	t.Helper()
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	shell.mustRun(t, "set", "acme", "config", "size", "5")
	shell.mustRun(t, "touch", "acme", "config", "theme", "1h")
	shell.mustRun(t, "delete", "acme", "config", "theme")
	shell.mustRun(t, "delete-group", "acme", "config", "--force")
	shell.mustRun(t, "set", "acme", "config", "theme", "light")
	return shell
}

// revisions returns the first column.
func revisions(output string) (list []string) {
	for line := range strings.Lines(output) {
		revision, _, _ := strings.Cut(line, "\t")
		list = append(list, revision)
	}
	return list
}

func TestWatchFilter_Flags_Good(t *testing.T) {
	shell := newChanges(t)
	for name, test := range map[string]struct {
		flags     []string
		revisions []string
	}{
		"Limit":        {[]string{"--after", "0", "--limit", "2"}, []string{"1", "2"}},
		"Type":         {[]string{"--after", "0", "--type", "delete,delete_group", "--limit", "2"}, []string{"4", "5"}},
		"Touch":        {[]string{"--after", "0", "--type", "touch", "--limit", "1"}, []string{"3"}},
		"KeyPrefix":    {[]string{"--after", "0", "--key-prefix", "th", "--limit", "5"}, []string{"1", "3", "4", "5", "6"}},
		"Since":        {[]string{"--since", "10m", "--limit", "6"}, []string{"1", "2", "3", "4", "5", "6"}},
		"TypeAndGroup": {[]string{"config", "--after", "1", "--type", "set", "--limit", "2"}, []string{"2", "6"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.revisions, revisions(shell.mustRun(t, append([]string{"watch", "acme"}, test.flags...)...)))
		})
	}
}

func TestWatchFilter_Flags_Bad(t *testing.T) {
	shell := newShell(t)
	for text, flags := range map[string][]string{
		`there is no type "change": use set, touch, delete, delete_group, expire`: {"--type", "set,change"},
		"--since takes a duration such as 10m":                                    {"--since", "0s"},
		"does not go with --after":                                                {"--since", "10m", "--after", "1"},
	} {
		_, err := shell.run(t, append([]string{"watch", "acme"}, flags...)...)
		require.ErrorIs(t, err, errUsage)
		assert.ErrorContains(t, err, text)
	}
}

func TestWatchFilter_Takes_Good(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	filter := &filter{since: at}
	assert.True(t, filter.takes(&client.Change{Timestamp: at}))
	assert.False(t, filter.takes(&client.Change{Timestamp: at.Add(-1)}))
}

func TestWatch_Announce_Good(t *testing.T) {
	newChanges(t)
	watch := func(flags ...string) string {
		var errors bytes.Buffer
		require.NoError(t, runShell(t.Context(), nil, &bytes.Buffer{}, &errors, append([]string{"watch", "acme", "config", "--limit", "1"}, flags...)...))
		return errors.String()
	}
	assert.Equal(t, "watching acme config after revision 2 … (Ctrl-C ends)\n", watch("--after", "2"))
	assert.Equal(t, "watching acme config from the first change that is kept … (Ctrl-C ends)\n", watch("--after", "0", "--json"))
	assert.Equal(t, "watching acme config with the changes of the last 10m0s … (Ctrl-C ends)\n", watch("--since", "10m"))
}

func TestWatch_Table_Good(t *testing.T) {
	shell := newChanges(t)
	output := shell.mustRun(t, "watch", "acme", "--after", "0", "--limit", "2", "-o", "table")
	assert.Regexp(t, `^TIME {18}REVISION  TYPE    GROUP       KEY           VALUE\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {9}1  set     config      theme         dark\n`, output)
	assert.NotContains(t, output, "\x1b")
}
