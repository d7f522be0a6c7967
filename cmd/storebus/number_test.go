// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numberLines are command lines whose last word is a whole number.
var numberLines = [][]string{
	{"set", "acme", "g", "k", "v", "--if-revision"},
	{"delete", "acme", "g", "k", "--if-revision"},
	{"touch", "acme", "g", "k", "60s", "--if-revision"},
	{"increment", "acme", "g", "k"},
	{"list", "acme", "g", "--limit"},
	{"scan", "acme", "--limit"},
	{"groups", "acme", "--limit"},
	{"namespaces", "--limit"},
	{"changes", "acme", "--after"},
	{"watch", "acme", "--after"},
	{"quota", "acme", "--max-keys"},
	{"quota", "acme", "--max-groups"},
	{"quota", "acme", "--max-bytes"},
	{"quota", "acme", "--max-value-bytes"},
	{"journal", "query", "acme", "from(bucket:\"b\")", "--limit"},
	{"journal", "requeue", "acme"},
	{"workspace", "query", "acme", "w", "SELECT 1", "--limit"},
}

func TestNumber_Words_Bad(t *testing.T) {
	isolate(t)
	shell := newShell(t)
	for _, line := range numberLines {
		for number, says := range map[string]string{
			"3.0": "write 3", "3e0": "write 3", "3.5": "", "0x10": "", "1_0": "", "99999999999999999999999": "", "abc": "", "": "",
		} {
			_, err := shell.run(t, append(slices.Clone(line), number)...)
			if number == "" && line[1] == "requeue" { // an empty ID counts as left out
				continue
			}
			require.ErrorIs(t, err, errUsage, "%q %q", line, number)
			assert.ErrorContains(t, err, says, "%q %q", line, number)
			assert.NotContains(t, err.Error(), "strconv")
		}
	}
}

func TestNumber_Words_Ugly_Negative(t *testing.T) {
	isolate(t)
	shell := newShell(t)
	for _, line := range numberLines {
		says := "it cannot be negative"
		switch last := line[len(line)-1]; {
		case line[0] == "increment":
			continue
		case strings.HasSuffix(last, "-bytes"):
			says = "is no size"
		case line[1] == "query" && line[0] == "journal":
			says = "limit is 1 to 1000"
		}
		for _, number := range []string{"-1", "-1.0", "-99999999999999999999999"} {
			if says == "limit is 1 to 1000" && number != "-1" {
				continue
			}
			_, err := shell.run(t, append(slices.Clone(line), number)...)
			assert.ErrorContains(t, err, says, "%q %q", line, number)
			assert.Equal(t, exitUsage, kindOf(err).status, "%q %q", line, number)
		}
	}
}

// Leading zeros do not make a number octal.
func TestNumber_Words_Good(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "quota", "acme", "--max-keys", "010")
	assert.Contains(t, shell.mustRun(t, "quota", "acme", "--json"), `"max_keys":10,`)
	assert.Equal(t, "10\n", shell.mustRun(t, "increment", "acme", "g", "k", "010"))
	assert.Equal(t, "2\n", shell.mustRun(t, "set", "acme", "g", "k", "v", "--if-revision", "01"))
}
