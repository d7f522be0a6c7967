// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// referencePage is the page of all commands. This test writes it from the definitions.
var referencePage = filepath.Join("..", "..", "docs", "cli.md")

const referenceHead = `# Commands

This page is generated from the program. ` + "`storebus COMMAND --help`" + ` prints the same.
`

const referenceFormats = `## Output

- ` + "`-o table`" + ` has headers, aligned columns, and sizes and times for a person. It is the default on
  a terminal.
- ` + "`-o text`" + ` is a line for each row, with exact values and tabs between. It is the default elsewhere.
- ` + "`-o json`" + ` is each reply as it came, one object a line. ` + "`--json`" + ` is the same.

Text and JSON are a contract for scripts. Tables may change.

With JSON an error is one object on standard error, in the form of an error reply:

` + "```json" + `
{"error":{"code":404,"name":"not_found","message":"config/none is not there"}}
` + "```" + `

## Completion

` + "```sh" + `
source <(storebus completion bash)
source <(storebus completion zsh)
storebus completion fish > ~/.config/fish/completions/storebus.fish
` + "```" + `

The shell then completes commands and flags. It asks the running sidecar for namespaces, groups, keys
and workspaces that begin with the word so far, and waits 200 ms at most. Namespaces need the
permission of an operator.

## Connection

A flag overrides a variable, and a variable overrides the selected NATS context. A context that
` + "`--context`" + ` names overrides every variable. With a URL, no context is used. Flags may also stand
before the command.
`

func TestReference_Page_Good(t *testing.T) {
	isolate(t)
	var page strings.Builder
	page.WriteString(referenceHead + "\n## Exit status\n\n| status | meaning |\n| --- | --- |\n")
	for _, each := range exitStatuses {
		fmt.Fprintf(&page, "| %d | %s |\n", each.status, each.meaning)
	}
	page.WriteString("\n" + referenceFormats + "\n### Flags of every command that calls a sidecar\n\n")
	shared := (&clientCommand{}).sharedFlags()
	writeFlags(&page, shared)
	everyCommand(rootCommand(func() {}), "storebus", func(name string, command *cli.Command) {
		switch {
		case command.Category == clientCategory:
			writeCommand(&page, name, command, shared)
		case !command.Hidden:
			writeCommand(&page, name, command, formatFlags())
		}
	})
	compareGolden(t, referencePage, page.String())
}

// widestLine is the most letters in a line of prose on the page.
const widestLine = 100

// wrapped breaks the lines of a text between words.
func wrapped(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		var current string
		for _, word := range strings.Fields(line) {
			if current != "" && len(current)+1+len(word) > widestLine {
				lines, current = append(lines, current), ""
			}
			current = strings.TrimSpace(current + " " + word)
		}
		lines = append(lines, current)
	}
	return strings.Join(lines, "\n")
}

func writeCommand(page *strings.Builder, name string, command *cli.Command, shared []cli.Flag) {
	fmt.Fprintf(page, "\n## %s\n\n", name)
	writeBlock(page, "text", name+" [flags] "+command.ArgsUsage)
	page.WriteString("\n" + wrapped(asMarkdown(command.Description)) + "\n")
	writeExamples(page, command.CustomHelpTemplate)
	var own []cli.Flag
	for _, flag := range command.Flags {
		if flag.Names()[0] != "help" && findFlag(shared, flag.Names()[0]) == nil {
			own = append(own, flag)
		}
	}
	if len(own) > 0 {
		page.WriteString("\n")
		writeFlags(page, own)
	}
}

// writeExamples writes the examples of a help text. An indented line describes the example
// above it; on the page it becomes a comment before the example.
func writeExamples(page *strings.Builder, help string) {
	_, examples, _ := strings.Cut(help, "\nEXAMPLE")
	_, examples, _ = strings.Cut(examples, ":\n")
	examples, _, _ = strings.Cut(examples, "\nEXIT STATUS:")
	examples = strings.ReplaceAll(examples, `{{"{{"}}`, "{{")
	var lines []string
	for line := range strings.Lines(examples) {
		line, isExample := strings.CutPrefix(strings.TrimRight(line, "\n"), "   ")
		switch remark, isRemark := strings.CutPrefix(line, "   "); {
		case isRemark:
			lines = slices.Insert(lines, len(lines)-1, "# "+remark)
		case isExample && line != "":
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 {
		page.WriteString("\n")
		writeBlock(page, "sh", lines...)
	}
}

// writeBlock writes lines as a block of code.
func writeBlock(page *strings.Builder, language string, lines ...string) {
	page.WriteString("```" + language + "\n")
	for _, line := range lines {
		page.WriteString(strings.TrimSpace(line) + "\n")
	}
	page.WriteString("```\n")
}

// codeWords are the words of a help text that are code: code in backquotes, flags,
// variables, patterns and <text>. Markdown would read some of them as mark-up.
var codeWords = regexp.MustCompile("`[^`]*`|--[a-z][a-z-]*|[A-Z]*_[A-Z_]+|\\*\\.[a-z.]+[a-z]|<[a-z ]+>")

// asMarkdown puts the codeWords of a help text into backquotes.
func asMarkdown(text string) string {
	return codeWords.ReplaceAllStringFunc(text, func(word string) string {
		return "`" + strings.Trim(word, "`") + "`"
	})
}

func writeFlags(page *strings.Builder, flags []cli.Flag) {
	page.WriteString("| flag | variable | meaning |\n| --- | --- | --- |\n")
	for _, flag := range flags {
		documented, ok := flag.(cli.DocGenerationFlag)
		if !ok || flag.PreParse() != nil { // after PreParse the defaults are known
			continue
		}
		var names, variables []string
		for _, name := range flag.Names() {
			dashes := "--"
			if len(name) == 1 {
				dashes = "-"
			}
			names = append(names, "`"+dashes+name+"`")
		}
		for _, variable := range documented.GetEnvVars() {
			variables = append(variables, "`"+variable+"`")
		}
		usage := strings.ReplaceAll(asMarkdown(documented.GetUsage()), "|", `\|`)
		usage += defaultText(documented, usage)
		fmt.Fprintf(page, "| %s | %s | %s |\n", strings.Join(names, " "), strings.Join(variables, " "), usage)
	}
}
