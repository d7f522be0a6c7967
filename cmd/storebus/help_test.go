// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
)

// flagLines returns the lines of a help text about flags, by the name of the flag.
func flagLines(help string) map[string]string {
	lines := map[string]string{}
	for line := range strings.Lines(help) {
		if name, _, isFlag := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "--"), " "); isFlag && strings.HasPrefix(strings.TrimSpace(line), "--") {
			lines[strings.TrimSuffix(name, ",")] = strings.TrimSpace(line)
		}
	}
	return lines
}

func TestHelp_Flags_Good(t *testing.T) {
	isolate(t)
	everyCommand(rootCommand(func() {}), "storebus", func(name string, command *cli.Command) {
		if command.Hidden {
			return
		}
		status, help, errorOutput := runProgram(append(strings.Fields(name)[1:], "--help")...)
		require.Equal(t, exitDone, status, errorOutput)
		lines := flagLines(help)
		for _, flag := range command.Flags {
			documented, ok := flag.(cli.DocGenerationFlag)
			require.True(t, ok)
			usage := strings.ReplaceAll(documented.GetUsage(), "`", "")
			line := lines[flag.Names()[0]]
			assert.Contains(t, line, usage+defaultText(documented, usage), name)
			assert.LessOrEqual(t, strings.Count(line, "(default"), 1, line)
			assert.NotRegexp(t, `\(default: (0s?|""|)\)`, line, name)
		}
	})
}

func TestHelp_Command_Good(t *testing.T) {
	isolate(t)
	for _, line := range []string{"help journal commit", "journal help commit", "h journal commit", "journal commit --help"} {
		status, output, errorOutput := runProgram(strings.Fields(line)...)
		assert.Equal(t, exitDone, status, errorOutput)
		assert.Contains(t, output, "storebus journal commit [options] NAMESPACE LINE", line)
	}
	for line, text := range map[string]string{
		"help": "storebus - ", "help serve": "storebus serve [options]", "help journal": "storebus journal [command", "journal help": "storebus journal [command",
		"help completion bash": "storebus completion bash", "help get": "NAMESPACE GROUP KEY",
	} {
		status, output, errorOutput := runProgram(strings.Fields(line)...)
		assert.Equal(t, exitDone, status, errorOutput)
		assert.Contains(t, output, text, line)
	}
}

func TestHelp_Command_Bad(t *testing.T) {
	isolate(t)
	for line, text := range map[string]string{
		"help nope":         `there is no command "nope"; storebus --help lists all`,
		"help lst":          `there is no command "lst"; did you mean "list"?`,
		"help journal stat": `there is no command "stat"; did you mean "status"? storebus journal --help lists all`,
		"help get more":     `there is no command "more"; storebus get --help lists all`,
	} {
		status, output, errorOutput := runProgram(strings.Fields(line)...)
		assert.Equal(t, exitUsage, status, line)
		assert.Empty(t, output, line)
		assert.Contains(t, errorOutput, text)
	}
}

func TestHelp_Root_Good(t *testing.T) {
	isolate(t)
	_, output, _ := runProgram("--help")
	for _, foreign := range []string{"Shows a list", "Output shell", "Powershell"} {
		assert.NotContains(t, output, foreign)
	}
	own, _, found := strings.Cut(output, "\n   "+clientCategory+":\n")
	require.True(t, found)
	for _, name := range []string{"serve", "permissions", "version", helpName, "completion"} {
		assert.Contains(t, own, "\n   "+name, "it calls no sidecar")
	}
}
