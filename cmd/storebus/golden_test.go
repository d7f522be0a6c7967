// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/internal/testrun"
	"dappco.re/go/storebus/subjects"
)

// goldenCommands holds the output and the errors of every command in every format.
var goldenCommands = filepath.Join("testdata", "commands.txt")

const goldenHead = `# Every command in every format, against one sidecar. The namespace has the name of the format.
# "!" marks standard error, and [n] an exit status other than 0.
#
# What differs from run to run is masked:
#   <time>     a point in time, and <age> how long ago it is
#   <id>       an id or a checksum of 20 hexadecimal digits or more, or of 22 letters and digits
#   <port>     a port of 127.0.0.1
#   <folder>   the folder of this test
#   <system>   the operating system and the processor
#   <archive>  the name of an archive
#   <n>        every number, with its unit, of a command that measures; its standard error is left out
# Several spaces are two if anything in a table is masked, and a line is cut after 400 letters.
`

// goldenRow is one command line. NS stands for the namespace, and FOLDER for the test's
// folder.
type goldenRow struct {
	line   []string
	input  string
	status int
	// measures says that the numbers are masked.
	measures bool
	// before is called before the line is executed.
	before func(run *goldenRun)
}

// goldenRun executes the rows in one format.
type goldenRun struct {
	t              *testing.T
	format, folder string
}

func words(line string) []string { return strings.Fields(line) }

// goldenRows are executed in this order: each finds the data of the rows before it.
func goldenRows() []goldenRow {
	row := func(line string) goldenRow { return goldenRow{line: words(line)} }
	fails := func(status int, line string) goldenRow { return goldenRow{line: words(line), status: status} }
	measures := func(line string) goldenRow { return goldenRow{line: words(line), measures: true} }
	return []goldenRow{
		row("set NS config theme dark"), row("set NS config hosts a,b --ttl never"), row("set NS sessions k3F x --ttl 1h"),
		{line: words("set NS files text -"), input: "two\nlines"},
		row("get NS config theme"), row("exists NS config theme"), row("touch NS sessions k3F 2h"),
		row("increment NS counters visits"), row("delete NS counters visits"),
		{line: words("transaction NS -"), input: `{"then":[{"op":"set","key":"a","value":"x"},{"op":"get","key":"a"},{"op":"get","key":"b"}]}`},
		row("list NS config"), row("scan NS --limit 2"), row("groups NS"), row("count NS"), {line: []string{"render", "NS", "config", "theme={{.theme}}"}},
		row("split NS config hosts ,"), {line: []string{"fields", "NS", "config", "hosts"}},
		row("delete-group NS files --dry-run"), row("delete-group NS files --force"), row("delete-prefix NS ses --dry-run"), row("delete-prefix NS ses --force"),
		row("watch NS --after 0 --limit 2"), row("changes NS --after 5"), row("usage NS"), row("quota NS --max-keys 4 --max-bytes 64KiB"),
		row("namespaces --namespace-prefix NS"), row("purge"), measures("backup NS.db"),

		{line: []string{"journal", "commit", "NS", "deploy,host=a1 seconds=12.5,tries=3i"}}, {line: []string{"journal", "commit", "NS", "refused a=1"}},
		measures("journal flush"), row("journal status NS"), row("journal rejected NS"),
		{line: []string{"journal", "query", "NS", `from(bucket: "b") |> range(start: -1h)`}}, row("journal requeue NS"),
		{line: words("compact --before BEFORE --force"), before: (*goldenRun).flushJournal}, row("compact --before 2026-01-01T00:00:00Z --dry-run"),
		measures("archive verify ARCHIVE"), row("restore monday.db --database storebus.db --dry-run"), row("restore --accept --database storebus.db --dry-run"),
		measures("check FOLDER/backup/NS.db"),

		row("workspace open NS import"), {line: []string{"workspace", "put", "NS", "import", "row", `{"stock":4}`}}, row("workspace aggregate NS import"),
		{line: []string{"workspace", "query", "NS", "import", "SELECT id, kind, data FROM entries"}}, row("workspace list NS"),
		row("workspace commit NS import"), row("workspace open NS other"), row("workspace discard NS other --force"),

		row("describe set"), row("permissions NS"), measures("version"),
		// The kernel counts idle time in ticks of 10 ms: a shorter round may have none.
		measures("bench --cases get --rounds 1 --duration 100ms --in-flight 4 --keys 10 --directory FOLDER"),
		{line: words("status"), measures: true, before: (*goldenRun).publishAll},
		{line: words("doctor NS"), measures: true, before: (*goldenRun).publishAll},

		fails(exitFailed, "transaction NS FOLDER/none.json"), fails(exitFailed, "archive verify FOLDER/none.jsonl.gz"),
		fails(exitUsage, "get NS config"), fails(exitUsage, "get NS config theme --tll 1h"), fails(exitUsage, "lst NS"), fails(exitUsage, "list NS config --limit many"),
		fails(exitUsage, "set NS config theme dark --ttl soon"), fails(exitUsage, "delete-group NS config"), fails(exitUsage, "compact"),
		fails(exitNotFound, "get NS config none"), fails(exitNotFound, "exists NS config none"), fails(exitNotFound, "delete NS config none"),
		fails(exitNotFound, "touch NS config none 1h"), fails(exitNotFound, "workspace discard NS none --force"), fails(exitNotFound, "describe none"),
		fails(exitConflict, "set NS config theme light --if-revision 99"),
		{line: words("transaction NS -"), input: `{"if":[{"key":"a","exists":false}]}`, status: exitConflict},
		fails(exitUnavailable, "get NS config theme --nats nats://127.0.0.1:1"), fails(exitUnavailable, "get NS config theme --prefix elsewhere"),
		{line: words("doctor --prefix elsewhere"), measures: true, status: exitUnavailable}, fails(exitUnavailable, "doctor --nats nats://127.0.0.1:1"),
		fails(exitTooMuch, "set NS config other dark"),
		{line: words("set NS config theme -"), input: strings.Repeat("x", 2<<20), status: exitTooMuch},
	}
}

// goldenExempt are the commands without rows. serve does not end, and has tests of its own.
var goldenExempt = []string{"storebus serve"}

func TestGolden_Commands_Good(t *testing.T) {
	testrun.SkipUnderDetector(t)
	folder := startGolden(t)
	rows := goldenRows()
	results := map[string][]string{}
	for _, format := range []string{formatText, formatTable, formatJSON} {
		run := &goldenRun{t: t, format: format, folder: folder}
		for index := range rows {
			results[format] = append(results[format], run.execute(&rows[index]))
		}
	}
	var text strings.Builder
	text.WriteString(goldenHead)
	for index := range rows {
		for _, format := range []string{formatText, formatTable, formatJSON} {
			text.WriteString("\n" + results[format][index])
		}
	}
	compareGolden(t, goldenCommands, text.String())
}

func TestGolden_Rows_Good(t *testing.T) {
	reached := map[int]bool{}
	var lines []string
	for _, row := range goldenRows() {
		reached[row.status] = true
		if row.status == exitDone {
			lines = append(lines, "storebus "+strings.Join(row.line, " ")+" ")
		}
	}
	everyCommand(rootCommand(func() {}), "storebus", func(name string, command *cli.Command) {
		hasRow := slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, name+" ") })
		assert.True(t, hasRow || command.Hidden || slices.Contains(goldenExempt, name), "%s has no row in goldenRows", name)
	})
	for _, each := range exitStatuses {
		assert.True(t, reached[each.status], "no row ends with exit status %d", each.status)
	}
}

// startGolden starts the sidecar of the rows. The endpoint of its journal refuses the
// measurement "refused".
func startGolden(t *testing.T) (folder string) {
	t.Helper()
	isolate(t)
	trustMachine(t)
	endpoint := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		status := http.StatusNoContent
		if points, err := readPacked(request); err != nil || bytes.Contains(points, []byte("refused")) {
			status = http.StatusBadRequest
		}
		writer.WriteHeader(status)
	}))
	t.Cleanup(endpoint.Close)
	folder = t.TempDir()
	sidecar := startSidecar(t, storebus.Config{
		Listen: "127.0.0.1:0", DatabasePath: filepath.Join(folder, "storebus.db"), BackupDirectory: filepath.Join(folder, "backup"),
		ArchiveDirectory: filepath.Join(folder, "archive"), StateDirectory: filepath.Join(folder, "state"),
		Journal: storebus.JournalConfig{URL: endpoint.URL, Bucket: "b"},
	})
	t.Setenv("STOREBUS_NATS", sidecar.NATSURL())
	return folder
}

// readPacked reads the body of a request, and unpacks it if it is compressed.
func readPacked(request *http.Request) ([]byte, error) {
	if request.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(request.Body)
	}
	unpacked, err := gzip.NewReader(request.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unpacked)
}

// execute runs a row and returns its visible result: output, errors and exit status.
func (run *goldenRun) execute(row *goldenRow) string {
	if row.before != nil {
		row.before(run)
	}
	line := append(run.fill(row.line), "-o", run.format)
	var output, errorOutput bytes.Buffer
	status := run.program(line, row.input, &output, &errorOutput)
	assert.Equal(run.t, row.status, status, "%s: %s", quotedLine(line), errorOutput.String())
	if run.format == formatJSON {
		run.checkJSON(line, status, output.String(), errorOutput.String())
	}
	shown := output.String()
	if shown != "" && !strings.HasSuffix(shown, "\n") {
		shown += "\n"
	}
	for failure := range strings.Lines(errorOutput.String()) {
		if !row.measures || status != exitDone { // figures of the machine are left out
			shown += "! " + failure
		}
	}
	if status != exitDone {
		shown += fmt.Sprintf("[%d]\n", status)
	}
	return run.mask("$ storebus "+quotedLine(line)+"\n", row, false) + run.mask(shown, row, run.format == formatTable)
}

func (run *goldenRun) program(line []string, input string, output, errorOutput io.Writer) int {
	return runWith(run.t.Context(), line, strings.NewReader(input), output, errorOutput)
}

// checkJSON checks that the output has one JSON object a line. If the command fails, the
// errors must have the body of an error reply.
func (run *goldenRun) checkJSON(line []string, status int, output, errorOutput string) {
	for each := range strings.Lines(output) {
		var object any
		assert.NoError(run.t, json.Unmarshal([]byte(each), &object), "%s printed %q", quotedLine(line), each)
	}
	if status == exitDone {
		return
	}
	var reply struct {
		Error *subjects.Error `json:"error"`
	}
	require.NoError(run.t, json.Unmarshal([]byte(errorOutput), &reply), "%s: %s", quotedLine(line), errorOutput)
	require.NotNil(run.t, reply.Error, quotedLine(line))
	assert.NotZero(run.t, reply.Error.Code, quotedLine(line))
	assert.NotEmpty(run.t, reply.Error.Message, quotedLine(line))
}

// fill replaces the placeholders of a line with their values.
func (run *goldenRun) fill(line []string) []string {
	filled := make([]string, len(line))
	for index, word := range line {
		switch word {
		case "NS", "NS.db", "FOLDER/backup/NS.db":
			word = strings.Replace(word, "NS", run.format, 1)
		case "BEFORE":
			word = time.Now().UTC().Format(time.RFC3339Nano)
		case "ARCHIVE":
			word = run.newestArchive()
		}
		filled[index] = strings.Replace(word, "FOLDER", run.folder, 1)
	}
	return filled
}

// newestArchive returns the newest archive.
func (run *goldenRun) newestArchive() string {
	files, err := filepath.Glob(filepath.Join(run.folder, "archive", "*.jsonl.gz"))
	require.NoError(run.t, err)
	require.NotEmpty(run.t, files)
	slices.SortFunc(files, func(one, other string) int { return modified(run.t, one).Compare(modified(run.t, other)) })
	return files[len(files)-1]
}

func modified(t *testing.T, path string) time.Time {
	t.Helper()
	information, err := os.Stat(path)
	require.NoError(t, err)
	return information.ModTime()
}

// flushJournal waits until every point is delivered or refused.
func (run *goldenRun) flushJournal() {
	require.Equal(run.t, exitDone, run.program([]string{"journal", "flush"}, "", io.Discard, io.Discard))
}

// publishAll waits until every event is published.
func (run *goldenRun) publishAll() {
	require.Eventually(run.t, func() bool {
		var output bytes.Buffer
		var reply subjects.StatusReply
		return run.program([]string{"status", "--json"}, "", &output, io.Discard) == exitDone &&
			json.Unmarshal(output.Bytes(), &reply) == nil && reply.Backlog == 0 && reply.Journal.Pending == 0
	}, time.Minute, time.Millisecond)
}

// runWith executes a command line in this process.
func runWith(ctx context.Context, line []string, input io.Reader, output, errorOutput io.Writer) int {
	return run(ctx, append([]string{"storebus"}, line...), input, output, errorOutput)
}

// goldenMasks hide the parts of the output that differ from run to run, see goldenHead.
var goldenMasks = []struct {
	pattern *regexp.Regexp
	mask    string
}{
	{regexp.MustCompile(`\d{8}T[\w.-]+\.jsonl\.(?:gz|zst)`), "<archive>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?`), "<time>"},
	{regexp.MustCompile(`\b\d+ (?:second|minute|hour)s? (?:ago|from now)\b|  now\b`), "  <age>"},
	{regexp.MustCompile(`\b(?:[0-9a-f]{20,}|[0-9A-Za-z]{22})\b`), "<id>"},
	{regexp.MustCompile(`127\.0\.0\.1:\d{4,}`), "127.0.0.1:<port>"},
	{regexp.MustCompile(regexp.QuoteMeta(runtime.GOOS + "/" + runtime.GOARCH)), "<system>"},
	{regexp.MustCompile(`("operating_system"|"architecture"):"\w+"`), `$1:"<system>"`},
}

var (
	goldenNumber = regexp.MustCompile(`\b\d[\d.]*(?:e[+-]\d+)?(?:,\d{3})*(?: [KMGT]?i?B\b| [mµ]?s\b)?`)
	goldenGap    = regexp.MustCompile(` {2,}`)
)

// longestGoldenLine is the longest line in the file, in bytes. The rest is cut off.
const longestGoldenLine = 400

func (run *goldenRun) mask(text string, row *goldenRow, isTable bool) string {
	masked := strings.ReplaceAll(text, run.folder, "<folder>")
	for _, each := range goldenMasks {
		masked = each.pattern.ReplaceAllString(masked, each.mask)
	}
	if row.measures {
		masked = goldenNumber.ReplaceAllString(masked, "<n>")
	}
	if isTable && masked != text {
		masked = goldenGap.ReplaceAllString(masked, "  ")
	}
	var shown strings.Builder
	for line := range strings.Lines(masked) {
		if len(line) > longestGoldenLine {
			line = line[:longestGoldenLine] + "…\n"
		}
		shown.WriteString(line)
	}
	return shown.String()
}
