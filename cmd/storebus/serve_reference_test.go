// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
)

// configurationPage is the page of every setting. This test writes it from the definitions.
var configurationPage = filepath.Join("..", "..", "docs", "configuration.md")

const configurationHead = `# Configuration

This page is generated from the program. ` + "`storebus serve --help`" + ` prints the same.

There is no file of settings. Each setting of ` + "`storebus serve`" + ` is a flag and a variable. The flag
overrides the variable. An empty variable is an empty text: ` + "`STOREBUS_HTTP=`" + ` turns HTTP off. An
empty number, duration, size or switch counts as not set. Under systemd, put variables into an
` + "`EnvironmentFile`" + `: see [Under systemd](operations.md#under-systemd).

` + "```sh\nstorebus serve --check\n```" + `

checks the settings without a start: see
[Checking before a start](operations.md#checking-before-a-start). A setting that is not valid ends
` + "`storebus serve`" + ` with exit status 2; see [all exit statuses](cli.md#exit-status).

| unit | is written |
| --- | --- |
| duration | a number and ` + "`ms`, `s`, `m` or `h`" + `, or several: ` + "`1h30m`" + ` |
| bytes | a number, or a number and ` + "`KiB`, `MiB` or `GiB`" + `: ` + "`64MiB`" + ` |
| address | a host and a port: ` + "`127.0.0.1:4222`" + ` |
| switch | the flag alone; as a variable ` + "`true` or `false`" + ` |
`

// configurationNotes follow the tables of their categories.
var configurationNotes = map[string]string{
	storeCategory: `
A change leaves the log when it is too old. If the log passes one of the two other bounds of
` + "`--change-retention-…`" + `, the namespace that holds most loses its oldest changes. So each namespace keeps
an equal share at least, whatever others write. With the defaults, that is 10,000 changes for each of
100 namespaces, and 16 MiB for each of 48.

The limits of ` + "`--default-quota-…`" + ` hold as long as nobody has given the namespace ` + "`*`" + ` a
[quota](operations.md#quotas) over the bus.
`,
	brokerCategory: `
Give credentials in one way: ` + "`--creds`, `--nkey`, `--user` or `--token`" + `. Without an ` + "`--events-…`" + ` flag,
the connection for events has the credentials of the sidecar. The sidecar
[reads files with secrets again](operations.md#rotating-secrets) before each attempt to connect again.
`,
	serviceCategory: `
[Who may read](http.md#who-may-read) says what HTTP shows with the token, and what without.
`,
}

const otherVariables = `
## Other variables

| variable | meaning |
| --- | --- |
| ` + "`NOTIFY_SOCKET`, `WATCHDOG_USEC`" + ` | set by systemd: storebus reports [readiness](operations.md#under-systemd) there |
| ` + "`GOMEMLIMIT`, `GOGC`" + ` | settings of the Go runtime; with either of them storebus sets no memory limit of its own |
| ` + "`NO_COLOR`" + ` | if it is not empty, client commands print no colours |
`

func TestServeReference_Page_Good(t *testing.T) {
	isolate(t)
	var page strings.Builder
	page.WriteString(configurationHead)
	command := serveCommand()
	for _, category := range []string{storeCategory, brokerCategory, serviceCategory, journalCategory, logCategory, ""} {
		flags := slices.DeleteFunc(slices.Clone(command.Flags), func(flag cli.Flag) bool { return categoryOf(t, flag) != category })
		require.NotEmpty(t, flags, category)
		if category == "" {
			category = "Start"
		}
		fmt.Fprintf(&page, "\n## %s\n\n", category)
		writeSettings(t, &page, flags)
		page.WriteString(configurationNotes[category])
	}
	page.WriteString("\n## Client commands\n\nThese variables are read by every command that calls a sidecar. [Connection](cli.md#connection) says\nwhich of them overrides another.\n\n")
	writeClientVariables(t, &page)
	page.WriteString(otherVariables)
	compareGolden(t, configurationPage, page.String())
}

func categoryOf(t *testing.T, flag cli.Flag) string {
	t.Helper()
	categorised, ok := flag.(cli.CategorizableFlag)
	require.True(t, ok)
	return categorised.GetCategory()
}

func writeSettings(t *testing.T, page *strings.Builder, flags []cli.Flag) {
	t.Helper()
	page.WriteString("| flag | variable | default | unit | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, flag := range flags {
		documented := documentedFlag(t, flag)
		fmt.Fprintf(page, "| `--%s` | %s | %s | %s | %s |\n", flag.Names()[0], quotedAll(documented.GetEnvVars()),
			settingDefault(documented), settingUnit(t, flag), meaning(documented))
	}
}

func documentedFlag(t *testing.T, flag cli.Flag) cli.DocGenerationFlag {
	t.Helper()
	documented, ok := flag.(cli.DocGenerationFlag)
	require.True(t, ok)
	assert.NotContains(t, documented.GetUsage(), "|")
	return documented
}

// quotedAll puts words into backquotes.
func quotedAll(words []string) string {
	quoted := make([]string, len(words))
	for index, word := range words {
		quoted[index] = "`" + word + "`"
	}
	return strings.Join(quoted, " ")
}

// settingDefault returns the value if nothing is set, or the text that replaces it.
func settingDefault(flag cli.DocGenerationFlag) string {
	value, said := flag.GetValue(), flag.GetDefaultText()
	switch {
	case value == "" && said != "" && said != `""`:
		return said
	case value == "" || value == "false":
		return ""
	}
	return "`" + strings.Trim(value, `"`) + "`"
}

var placeholder = regexp.MustCompile("`([A-Z]+)`")

// settingUnit returns the unit of a flag's value, from its type or else from its
// placeholder.
func settingUnit(t *testing.T, flag cli.Flag) string {
	t.Helper()
	switch flag.(type) {
	case *cli.BoolFlag:
		return "switch"
	case *cli.DurationFlag:
		return "duration"
	case *cli.GenericFlag:
		return "bytes"
	}
	found := placeholder.FindStringSubmatch(documentedFlag(t, flag).GetUsage())
	require.NotNil(t, found, "%s names what it takes in its help", flag.Names()[0])
	return placeholderText(found[0])
}

// meaning returns the help of a flag with its placeholder as an ordinary word.
func meaning(flag cli.DocGenerationFlag) string {
	return placeholder.ReplaceAllStringFunc(flag.GetUsage(), placeholderText)
}

// placeholderText returns a placeholder as a word of a sentence.
func placeholderText(quoted string) string {
	word := strings.Trim(quoted, "`")
	if word == "URL" {
		return word
	}
	return strings.ToLower(word)
}

func writeClientVariables(t *testing.T, page *strings.Builder) {
	t.Helper()
	page.WriteString("| variable | flag | meaning |\n| --- | --- | --- |\n")
	for _, flag := range (&clientCommand{}).sharedFlags() {
		documented := documentedFlag(t, flag)
		if variables := documented.GetEnvVars(); len(variables) > 0 {
			fmt.Fprintf(page, "| %s | `--%s` | %s |\n", quotedAll(variables), flag.Names()[0], meaning(documented))
		}
	}
}

// Every flag of serve names a variable, with the exception of flags that must not have one.
func TestServeReference_Variables_Good(t *testing.T) {
	for _, flag := range serveFlags() {
		name := flag.Names()[0]
		expected := []string{"STOREBUS_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}
		if name == checkFlag || name == "context" {
			expected = nil
		}
		assert.ElementsMatch(t, expected, documentedFlag(t, flag).GetEnvVars(), name)
	}
}
