// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/testrun"
)

// readers prepare the reader of each page with commands.
var readers = map[string]func(t *testing.T, reader *reader){
	"README.md":                          func(*testing.T, *reader) {},
	"docs/cli.md":                        readReference,
	"docs/configuration.md":              func(*testing.T, *reader) {},
	"docs/development.md":                func(*testing.T, *reader) {},
	"docs/testing.md":                    func(*testing.T, *reader) {},
	"docs/operations.md":                 readOperations,
	"docs/how-to/add-a-tenant.md":        readWithServer,
	"docs/how-to/back-up-and-restore.md": readWithOneKey,
	"docs/how-to/monitor.md":             readMonitor,
	"docs/how-to/tls-and-users.md":       readWithServer,
	"docs/how-to/use-from-node.md":       func(*testing.T, *reader) {},
	"docs/how-to/use-from-python.md":     readPython,
	"docs/how-to/upgrade.md":             readUpgrade,
	"docs/how-to/embed-in-go.md":         readProgram,
	"docs/how-to/test-with-it.md":        readProgram,
	"docs/how-to/journal.md":             readJournal,
	"docs/http.md":                       readHTTP,
	"docs/protocol.md":                   readProtocol,
	"docs/performance.md":                func(*testing.T, *reader) {},
	"docs/tutorial.md":                   readTutorial,
}

// notRun are commands of the pages that the tests do not run, with the reason. Each entry
// matches the beginning of a command.
var notRun = []struct{ page, command, reason string }{
	{"docs/cli.md", "source <(storebus completion zsh)", "it is for zsh, and the tests have bash"},
	{"docs/cli.md", "storebus bench", "it takes the machine for itself, for hours; its own tests run it briefly"},
	{"docs/performance.md", "storebus bench", "it takes the machine for itself, for hours; its own tests run it briefly"},
	{"docs/how-to/use-from-node.md", "node ", "a test in embedded_test/node runs it, and compares what it prints"},
	{"docs/how-to/use-from-node.md", "npm install", "the tests in embedded_test/node install it, and run the programs of the page"},
	{"docs/development.md", "go build ./...", "a check of .ci/run"},
	{"docs/development.md", "go test", "it runs this test, or a part of .ci/run"},
	{"docs/testing.md", "go test", "it takes long; a run without the flag has a part of it"},
	{"docs/testing.md", ".ci/run", "it runs this test"},
	{"docs/development.md", "golangci-lint run", "a check of .ci/run"},
	{"docs/development.md", ".ci/run", "it runs this test"},
	{"docs/development.md", "(cd embedded_test/node", "a check of .ci/run"},
	{"docs/development.md", "(cd embedded_test/browser", "a check of .ci/run"},
	{"docs/development.md", "python3 -m unittest", "a check of .ci/run"},
	{"docs/development.md", "storebus bench", "it takes the machine for itself, for hours; its own tests run it briefly"},
	{"docs/development.md", "STOREBUS_UPDATE_GOLDEN=1", "it writes files of the repository"},
}

// reasonNotToRun returns why a command of a page is left out, "" if it is run.
func reasonNotToRun(page, command string) string {
	for _, each := range notRun {
		if pagePath(each.page) == page && strings.HasPrefix(command, each.command) {
			return each.reason
		}
	}
	return ""
}

func pagePath(page string) string { return filepath.Join("..", filepath.FromSlash(page)) }

// Every command of every page runs in the order of the page, and prints the output on the
// page.
func TestPages_Commands_Good(t *testing.T) {
	testrun.SkipUnderDetector(t)
	for _, path := range files(t, ".md") {
		page := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
		hasCommands := slices.ContainsFunc(codeBlocks(t, path), func(block codeBlock) bool { return block.commands() != nil })
		prepare := readers[page]
		if !hasCommands {
			assert.Nil(t, prepare, "%s has no commands any more", page)
			continue
		}
		t.Run(strings.NewReplacer("/", "_", ".md", "").Replace(page), func(t *testing.T) {
			require.NotNil(t, prepare, "the page has commands, and no reader that types them")
			reader := newReader(t, path)
			prepare(t, reader)
			reader.follow(t)
		})
	}
}

// Every entry of notRun matches a command of its page, and has a reason.
func TestPages_NotRun_Good(t *testing.T) {
	for _, each := range notRun {
		assert.NotEmpty(t, each.reason, each.command)
		assert.True(t, slices.ContainsFunc(codeBlocks(t, pagePath(each.page)), func(block codeBlock) bool {
			return slices.ContainsFunc(block.commands(), func(command shellCommand) bool {
				return strings.HasPrefix(command.line, each.command)
			})
		}), "%s has no command %s any more", each.page, each.command)
	}
}

// readJournal starts an InfluxDB that stands in for the one at the default port.
func readJournal(t *testing.T, reader *reader) {
	t.Helper()
	endpoint := startInflux(t)
	endpoint.query(t, "CREATE DATABASE journal")
	reader.replace("http://127.0.0.1:8086", endpoint.URL())
}

// readHTTP starts a sidecar with two keys. Another port and another folder stand in for
// those of the server that is open to other machines.
func readHTTP(t *testing.T, reader *reader) {
	t.Helper()
	reader.start(t, "storebus set acme config theme dark")
	elsewhere := freeAddress(t)
	reader.replace(
		"storebus serve --http 0.0.0.0:4280", "storebus serve --http "+elsewhere,
		"storebus.example:4280", elsewhere,
		"/etc/storebus", reader.folder,
	)
}

// readTutorial puts the program and the folder of the page into a folder of the reader.
func readTutorial(t *testing.T, reader *reader) {
	t.Helper()
	reader.useGo(t)
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	reader.replace(
		"go install ./cmd/storebus", "go install -C "+root+" ./cmd/storebus",
		"/tmp/storebus-tutorial", filepath.Join(reader.folder, "tutorial"),
	)
}

// readWithOneKey starts a sidecar with one key.
func readWithOneKey(t *testing.T, reader *reader) {
	t.Helper()
	reader.start(t, "storebus set acme config theme dark")
}

// readUpgrade uses the same program as the old and as the new version.
func readUpgrade(t *testing.T, reader *reader) {
	t.Helper()
	readTutorial(t, reader)
	readWithOneKey(t, reader)
}

// readMonitor checks that the table of metrics has every metric of the alerts and the
// dashboard.
func readMonitor(t *testing.T, reader *reader) {
	t.Helper()
	readWithOneKey(t, reader)
	metric := regexp.MustCompile("storebus_[a-z_]+")
	known := metric.FindAllString(text(t, pagePath("docs/operations.md")), -1)
	for _, name := range metric.FindAllString(text(t, reader.page), -1) {
		assert.Contains(t, known, name)
	}
}

// readProgram uses the module in the working tree as the published one and as the clone.
// The program listens at a free port.
func readProgram(t *testing.T, reader *reader) {
	t.Helper()
	reader.useGo(t)
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	reader.environment = append(reader.environment, "GOFLAGS=-mod=mod")
	reader.replace(
		"go get dappco.re/go/storebus@latest",
		"cp "+root+"/go.sum .",
		"=../storebus", "="+root,
		`DatabasePath: "./data/shop.db"`, `DatabasePath: "./data/shop.db", Listen: "127.0.0.1:0"`,
	)
}

// readPython gives the reader a home outside the clone.
func readPython(t *testing.T, reader *reader) {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	reader.replace("embedded_test/python/", root+"/embedded_test/python/")
	reader.start(t)
}

func readWithServer(t *testing.T, reader *reader) {
	t.Helper()
	reader.useServer(t)
}

func readProtocol(t *testing.T, reader *reader) {
	t.Helper()
	reader.addTool(t)
	reader.start(t)
}
