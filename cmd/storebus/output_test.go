// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
)

// goldenTables holds the table of each command line. If STOREBUS_UPDATE_GOLDEN is set, the
// test writes the file anew.
var goldenTables = filepath.Join("testdata", "tables.txt")

const updateGolden = "STOREBUS_UPDATE_GOLDEN"

// stopClock makes ages count from a fixed time.
func stopClock(t *testing.T) {
	t.Helper()
	running := now
	now = func() time.Time { return time.Date(2026, 11, 22, 10, 6, 0, 0, time.UTC) }
	t.Cleanup(func() { now = running })
}

// compareGolden compares a text with a file.
func compareGolden(t *testing.T, file, text string) {
	t.Helper()
	if os.Getenv(updateGolden) != "" {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	expected, err := os.ReadFile(file)
	require.NoError(t, err)
	wanted, found := strings.Split(string(expected), "\n"), strings.Split(text, "\n")
	for index := range min(len(wanted), len(found)) {
		if wanted[index] != found[index] {
			assert.Equal(t, wanted[index], found[index], "%s:%d is the first line that differs; %s=1 writes the file anew", file, index+1, updateGolden)
			return
		}
	}
	assert.Zero(t, len(found)-len(wanted), "lines more than in %s", file)
}

func TestOutput_Table_Good(t *testing.T) {
	stopClock(t)
	var tables strings.Builder
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		test := lines[name]
		shell, _ := newScriptedShell(t, test.subject, body(test.reply))
		fmt.Fprintf(&tables, "$ storebus %s -o table\n%s\n", quotedLine(test.line), shell.mustRun(t, slices.Concat(test.line, []string{"-o", "table"})...))
	}
	compareGolden(t, goldenTables, tables.String())
}

// quotedLine returns a command line with the quotes that a shell needs.
func quotedLine(line []string) string {
	words := make([]string, len(line))
	for index, word := range line {
		words[index] = word
		if word == "" || strings.ContainsAny(word, " \n\"{*|()$;&<>") {
			words[index] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

func TestOutput_Formats_Good(t *testing.T) {
	for name, test := range lines {
		shell, _ := newScriptedShell(t, test.subject, body(test.reply))
		run := func(flags ...string) string { return shell.mustRun(t, slices.Concat(test.line, flags)...) }
		assert.Equal(t, test.output, run("-o", "text"), name)
		assert.Equal(t, test.reply+"\n", run("--output=json"), name)
		assert.Equal(t, test.reply+"\n", run("--json", "-o", "json"), name)
	}
}

func TestOutput_Formats_Bad(t *testing.T) {
	shell := newShell(t)
	for text, flags := range map[string][]string{
		`there is no format "yaml": use text, table or json`: {"-o", "yaml"},
		"--json and -o table ask for two formats":            {"--json", "-o", "table"},
	} {
		output, err := shell.run(t, append([]string{"status"}, flags...)...)
		require.ErrorIs(t, err, errUsage)
		require.ErrorContains(t, err, text)
		assert.Empty(t, output)
	}
}

// everyCommand calls visit for each command with an action of its own, with its full name.
func everyCommand(command *cli.Command, name string, visit func(name string, command *cli.Command)) {
	for _, below := range command.Commands {
		if below.Name == helpName {
			continue
		}
		fullName := name + " " + below.Name
		if len(below.Commands) == 0 {
			visit(fullName, below)
		}
		everyCommand(below, fullName, visit)
	}
}

func TestOutput_Flags_Good(t *testing.T) {
	everyCommand(rootCommand(func() {}), "storebus", func(name string, command *cli.Command) {
		if command.Category != clientCategory {
			return
		}
		assert.NotNil(t, findFlag(command.Flags, "o"), name)
		assert.NotNil(t, findFlag(command.Flags, "output"), name)
		assert.NotNil(t, findFlag(command.Flags, "json"), name)
	})
}

func TestOutput_Print_Good(t *testing.T) {
	newCall := func(columns ...string) (*call, *bytes.Buffer) {
		var output bytes.Buffer
		call := newPrintingCall(&output)
		call.table = &table{header: columns}
		return call, &output
	}
	t.Run("ColumnsNeverGrowNarrower", func(t *testing.T) {
		call, output := newCall("NAME", "COUNT")
		call.print("a long name", 1)
		call.flushTable()
		call.print("b", 1000)
		call.flushTable()
		require.NoError(t, call.output.Flush())
		assert.Equal(t, "NAME         COUNT\na long name      1\nb             1000\n", output.String())
	})
	t.Run("AHeaderAlone", func(t *testing.T) {
		call, output := newCall("NAME", "COUNT")
		call.flushTable()
		require.NoError(t, call.output.Flush())
		assert.Equal(t, "NAME  COUNT\n", output.String())
	})
	t.Run("PartsOfALongOne", func(t *testing.T) {
		call, output := newCall("N")
		for number := range largestPage {
			call.print(number)
		}
		assert.Empty(t, call.table.rows)
		require.NoError(t, call.output.Flush())
		assert.Equal(t, largestPage+1, strings.Count(output.String(), "\n"))
	})
	t.Run("WideLettersAndAccents", func(t *testing.T) {
		call, output := newCall("KEY", "VALUE")
		call.print("東京", excerpt("a"))
		call.print("한국어", excerpt("b"))
		call.print("🙂", excerpt("c"))
		call.print("e\u0301te\u0301", excerpt("d")) // accents that combine with the letter before them
		call.print("plain", excerpt("e"))
		call.flushTable()
		require.NoError(t, call.output.Flush())
		assert.Equal(t, "KEY     VALUE\n東京    a\n한국어  b\n🙂      c\ne\u0301te\u0301     d\nplain   e\n", output.String())
	})
	t.Run("LettersThatATerminalObeys", func(t *testing.T) {
		call, output := newCall()
		call.columns("a\x1b[31m")
		call.print("b\x1b[31m")
		call.flushTable()
		require.NoError(t, call.output.Flush())
		assert.Equal(t, `"a\x1b[31m"`+"\n"+`"b\x1b[31m"`+"\n", output.String())
	})
	t.Run("AWideValueThatIsTooWide", func(t *testing.T) {
		call, output := newCall("VALUE")
		call.print(excerpt(strings.Repeat("東", 1000)))
		call.print(excerpt(strings.Repeat("e\u0301", 1000)))
		call.flushTable()
		require.NoError(t, call.output.Flush())
		assert.Equal(t, "VALUE\n"+strings.Repeat("東", 29)+"…\n"+strings.Repeat("e\u0301", widestExcerpt-1)+"…\n", output.String())
	})
	t.Run("AValueThatIsTooWide", func(t *testing.T) {
		call, output := newCall("VALUE")
		call.print(excerpt(strings.Repeat("é", 1000)))
		call.flushTable()
		require.NoError(t, call.output.Flush())
		assert.Equal(t, "VALUE\n"+strings.Repeat("é", widestExcerpt-1)+"…\n", output.String())
	})
}
