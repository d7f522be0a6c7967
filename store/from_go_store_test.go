// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// originalNames are what the original library exports.
const originalNames = `
	New NewConfigured Store StoreConfig StoreConfig.Validate StoreConfig.Normalised StoreOption WithJournal WithPurgeInterval
	WithWorkspaceStateDirectory JournalConfiguration JournalConfiguration.Validate KeyValue NotFoundError QuotaExceededError
	Store.{Config DatabasePath WorkspaceStateDirectory JournalConfiguration JournalConfigured Close IsClosed Get Set SetWithTTL Delete
	Exists GroupExists Count CountAll DeleteGroup DeletePrefix GetAll GetPage All AllSeq GetSplit GetFields Render Groups GroupsSeq
	PurgeExpired Watch Unwatch OnChange Transaction CommitToJournal QueryJournal Compact NewWorkspace RecoverOrphans Medium}
	NewScoped NewScopedConfigured NewScopedWithQuota QuotaConfig QuotaConfig.Validate ScopedStore ScopedStoreConfig ScopedStoreConfig.Validate
	ScopedStore.{All AllSeq Config Count CountAll Delete DeleteGroup DeletePrefix Exists ExistsIn Get GetAll GetFields GetFrom GetPage
	GetSplit GroupExists Groups GroupsSeq Namespace OnChange PurgeExpired Render Set SetIn SetWithTTL Transaction Unwatch Watch}
	ScopedStoreTransaction ScopedStoreTransaction.{All AllSeq Count CountAll Delete DeleteGroup DeletePrefix Exists ExistsIn Get GetAll
	GetFields GetFrom GetPage GetSplit GroupExists Groups GroupsSeq PurgeExpired Render Set SetIn SetWithTTL}
	StoreTransaction StoreTransaction.{All AllSeq Count CountAll Delete DeleteGroup DeletePrefix Exists Get GetAll GetFields GetPage
	GetSplit GroupExists Groups GroupsSeq PurgeExpired Render Set SetWithTTL}
	Event EventType EventType.String EventSet EventDelete EventDeleteGroup CompactOptions CompactOptions.Normalised CompactOptions.Validate
	Workspace Workspace.{Aggregate Close Commit Count DatabasePath Discard Name Put Query}
	RawMessage RawMessage.MarshalJSONCore RawMessage.UnmarshalJSONCore MarshalIndent Medium WithMedium Import Export
	DuckDB OpenDuckDB OpenDuckDBReadWrite DuckDB.{Close Conn CountExpansionPrompts CountGoldenSet EnsureScoringTables Exec Path
	QueryExpansionPrompts QueryGoldenSet QueryRowScan QueryRows TableCounts UpdateExpansionStatus WriteScoringResult}
	ExpansionPromptRow GoldenSetRow PrintDuckDBInventory ImportAll ImportConfig ScpFunc ScpDirFunc ChatMessage ParquetRow ExportParquet
	ExportSplitParquet Publish PublishConfig`

// withoutPlace is the section of the names that nothing takes the place of.
const withoutPlace = "Names that are gone"

var (
	codeSpan  = regexp.MustCompile("``(.+?)``|`([^`]+)`")
	nameGroup = regexp.MustCompile(`(\w+\.)\{([^}]*)\}`)
)

// codeSpans are what stands between back quotes in Markdown.
func codeSpans(text string) (spans []string) {
	for _, found := range codeSpan.FindAllStringSubmatch(text, -1) {
		spans = append(spans, found[1]+found[2])
	}
	return spans
}

// migration is a row of the page: names of the original, and what takes their place.
type migration struct {
	section     string
	names, here []string
}

func migrations(t *testing.T) (rows []migration) {
	t.Helper()
	page, err := os.ReadFile("../docs/from-go-store.md")
	require.NoError(t, err)
	section := ""
	for line := range strings.Lines(string(page)) {
		if heading, isHeading := strings.CutPrefix(line, "## "); isHeading {
			section = strings.TrimSpace(heading)
		}
		cells := strings.Split(line, " | ")
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, migration{section: section, names: codeSpans(cells[0]), here: codeSpans(cells[1])})
		}
	}
	return rows
}

func TestFromGoStore_Names_Good(t *testing.T) {
	want := strings.Fields(nameGroup.ReplaceAllStringFunc(originalNames, func(group string) string {
		parts := nameGroup.FindStringSubmatch(group)
		return parts[1] + strings.Join(strings.Fields(parts[2]), " "+parts[1])
	}))
	var named []string
	for _, row := range migrations(t) {
		named = append(named, row.names...)
	}
	for _, name := range want {
		assert.Contains(t, named, name)
	}
	for _, name := range named {
		assert.Contains(t, want, name, "the original has no such name")
	}
}

// TestFromGoStore_Lines_Good looks for each line of the page in the examples, which are
// compiled and run.
func TestFromGoStore_Lines_Good(t *testing.T) {
	source, err := os.ReadFile("from_go_store_example_test.go")
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(source)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	rows := migrations(t)
	require.Greater(t, len(rows), 100)
	for _, row := range rows {
		if row.section == withoutPlace {
			continue
		}
		require.Len(t, row.here, 1, "%s", row.names)
		assert.True(t, slices.Contains(lines, row.here[0]), "no example has the line %s", row.here[0])
	}
}
