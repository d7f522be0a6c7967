// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// newWorkspace opens a workspace.
func newWorkspace(t testing.TB, opened *store.Store, namespace, name string) *store.Workspace {
	t.Helper()
	workspace, _, err := opened.OpenWorkspace(namespace, name)
	require.NoError(t, err)
	return workspace
}

// putEntries adds so many entries of a kind.
func putEntries(t testing.TB, workspace *store.Workspace, kind string, count int) {
	t.Helper()
	for index := range count {
		require.NoError(t, workspace.Put(kind, map[string]any{"index": index}))
	}
}

// requireSummary checks how many entries there are of each kind.
func requireSummary(t testing.TB, expected map[string]int64, workspace *store.Workspace) {
	t.Helper()
	summary, err := workspace.Aggregate()
	require.NoError(t, err)
	require.Equal(t, expected, summary)
}

// workspaceFiles returns the names in a folder of workspaces, but for its lock.
func workspaceFiles(t testing.TB, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.Name() != "workspaces.lock" {
			names = append(names, entry.Name())
		}
	}
	return names
}

func TestWorkspace_NewWorkspace_Good(t *testing.T) {
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now, WorkspaceStateDirectory: filepath.Join(t.TempDir(), "a", "state")}
	opened := openStore(t, config)
	require.NoDirExists(t, config.WorkspaceStateDirectory, "it is made when it is needed")
	workspace, err := opened.NewWorkspace("import-42")
	require.NoError(t, err)
	assert.Equal(t, "import-42", workspace.Name())
	putEntries(t, workspace, "row", 3)
	putEntries(t, workspace, "warning", 1)
	requireSummary(t, map[string]int64{"row": 3, "warning": 1}, workspace)
	count, err := workspace.Count()
	require.NoError(t, err)
	assert.Equal(t, 4, count)
	t.Run("TheSameNameIsTheSameWorkspace", func(t *testing.T) {
		_, err := opened.FindWorkspace("", "import-42")
		require.NoError(t, err)
		again, created, err := opened.OpenWorkspace("", "import-42")
		require.NoError(t, err)
		assert.False(t, created)
		entries, err := again.Add("row", nil)
		require.NoError(t, err)
		assert.Equal(t, int64(5), entries)
		requireSummary(t, map[string]int64{"row": 4, "warning": 1}, workspace)
	})
	t.Run("ANamespaceHasItsOwn", func(t *testing.T) {
		scoped, err := store.NewScoped(opened, "acme")
		require.NoError(t, err)
		own, err := scoped.NewWorkspace("import-42")
		require.NoError(t, err)
		requireSummary(t, map[string]int64{}, own)
		infos, err := opened.Workspaces("acme")
		require.NoError(t, err)
		assert.Equal(t, []store.WorkspaceInfo{{Name: "import-42", OpenedAt: clock.Now()}}, infos)
		_, err = opened.FindWorkspace("other", "import-42")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
	t.Run("NothingOfANameIsInAPath", func(t *testing.T) {
		names := workspaceFiles(t, config.WorkspaceStateDirectory)
		require.NotEmpty(t, names)
		for _, name := range names {
			assert.Regexp(t, `^[0-9a-f]{16}-[0-9a-f]{32}\.workspace(-wal|-shm)?$`, name)
		}
	})
	t.Run("ItGoesOnAfterARestart", func(t *testing.T) {
		opened := reopen(t, opened, config)
		infos, err := opened.Workspaces("")
		require.NoError(t, err)
		assert.Equal(t, []store.WorkspaceInfo{{Name: "import-42", Entries: 5, OpenedAt: clock.Now(), Orphaned: true}}, infos)
		found, err := opened.FindWorkspace("", "import-42")
		require.NoError(t, err)
		requireSummary(t, map[string]int64{"row": 4, "warning": 1}, found)
		infos, err = opened.Workspaces("")
		require.NoError(t, err)
		assert.True(t, infos[0].Orphaned, "nobody has opened it")
		workspace := newWorkspace(t, opened, "", "import-42")
		requireSummary(t, map[string]int64{"row": 4, "warning": 1}, workspace)
		infos, err = opened.Workspaces("")
		require.NoError(t, err)
		assert.False(t, infos[0].Orphaned)
	})
}

func TestWorkspace_NewWorkspace_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, name := range []string{
		"", "..", ".", "../x", "/abs", "a/b", "a\\b", "a%2fb", "C:x", "a..b", "-a", "_a", ".a", "a ", "a\n", "a\x00", "~", "é", "file:x?mode=rwc", "x#y", ":memory:",
		strings.Repeat("a", store.MaxWorkspaceNameBytes+1),
	} {
		_, err := opened.NewWorkspace(name)
		require.ErrorIs(t, err, store.ErrInvalidName, "%q", name)
		_, err = opened.FindWorkspace("acme", name)
		require.ErrorIs(t, err, store.ErrInvalidName, "%q", name)
	}
	_, _, err := opened.OpenWorkspace("admin", "a")
	require.ErrorIs(t, err, store.ErrInvalidName)
	for _, name := range []string{"NUL", "quarantine", "x.workspace", "x.workspace-wal", "a.", "A", "a", "0", strings.Repeat("a", store.MaxWorkspaceNameBytes)} {
		workspace, created, err := opened.OpenWorkspace("", name)
		require.NoError(t, err, "%q", name)
		assert.True(t, created, "%q has a file of its own", name)
		require.NoError(t, workspace.Put("row", name))
	}
}

// workspaceRule is what NewWorkspace says of a name, but for two dots in a row.
var workspaceRule = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\z`)

// FuzzWorkspace_NewWorkspace checks the rule in another notation, and that nothing of a
// name gets into a path.
func FuzzWorkspace_NewWorkspace(f *testing.F) {
	for _, name := range []string{"import-42", "a..b", "", ".", "a.", "../a", "a/b", "A", "é", "a\xff", "a\x00", "file:x?mode=rwc", ":memory:", "NUL", strings.Repeat("a", 128), strings.Repeat("a", 129)} {
		f.Add(name)
	}
	folder := f.TempDir()
	opened := openStore(f, store.StoreConfig{Durability: store.DurabilityRelaxed, WorkspaceStateDirectory: folder})
	f.Fuzz(func(t *testing.T, name string) {
		workspace, err := opened.NewWorkspace(name)
		require.Equal(t, workspaceRule.MatchString(name) && !strings.Contains(name, ".."), err == nil)
		if err != nil {
			require.ErrorIs(t, err, store.ErrInvalidName)
			return
		}
		for _, file := range workspaceFiles(t, folder) {
			require.Regexp(t, `^[0-9a-f]{16}-[0-9a-f]{32}\.workspace(-wal|-shm)?$`, file)
		}
		require.NoError(t, workspace.Discard())
		require.Empty(t, workspaceFiles(t, folder))
	})
}

func TestWorkspace_GetWorkspaces_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
	names := []string{"A", "a", "a-b", "a.b", "b", "c"}
	for _, name := range slices.Backward(names) {
		newWorkspace(t, opened, "acme", name)
		newWorkspace(t, opened, "other", name+"0")
	}
	pagesOf := func(query store.WorkspacesQuery) (found []string, pages int) {
		for more := true; more; pages++ {
			page, err := opened.GetWorkspaces(query)
			require.NoError(t, err)
			for _, info := range page.Workspaces {
				found = append(found, info.Name)
			}
			query.After, more = page.Next, page.Next != nil
		}
		return found, pages
	}
	for limit := range len(names) + 2 {
		found, pages := pagesOf(store.WorkspacesQuery{Namespace: "acme", Limit: limit})
		assert.Equal(t, names, found)
		if limit > 0 { // else it is the default
			assert.Equal(t, (len(names)+limit-1)/limit, pages)
		}
	}
	found, pages := pagesOf(store.WorkspacesQuery{Namespace: "acme", Fits: func(*store.WorkspaceInfo) bool { return false }})
	assert.Equal(t, names, found, "a page has one that does not fit, or nobody would go on")
	assert.Len(t, names, pages)
	t.Run("OneThatHasEndedMeanwhileIsNoMatter", func(t *testing.T) {
		page, err := opened.GetWorkspaces(store.WorkspacesQuery{Namespace: "acme", Limit: 2})
		require.NoError(t, err)
		require.NoError(t, newWorkspace(t, opened, "acme", *page.Next).Discard())
		page, err = opened.GetWorkspaces(store.WorkspacesQuery{Namespace: "acme", After: page.Next, Limit: 1})
		require.NoError(t, err)
		assert.Equal(t, "a-b", page.Workspaces[0].Name)
	})
	_, err := opened.GetWorkspaces(store.WorkspacesQuery{Namespace: "acme", Limit: -1})
	require.ErrorContains(t, err, "store.GetWorkspaces: ")
	scoped, err := store.NewScoped(opened, "other")
	require.NoError(t, err)
	page, err := scoped.GetWorkspaces(store.WorkspacesQuery{Namespace: "acme", Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, "A0", page.Workspaces[0].Name)
}

func TestWorkspace_Put_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	workspace := newWorkspace(t, opened, "acme", "a")
	for _, kind := range []string{"row", "größe", `a"b\c`, strings.Repeat("k", store.MaxWorkspaceKindBytes)} {
		require.NoError(t, workspace.Put(kind, map[string]any{"a": 1}), "%q", kind)
	}
	largest := json.RawMessage(`"` + strings.Repeat("x", store.MaxWorkspaceDataBytes-2) + `"`)
	require.NoError(t, workspace.Put("large", largest))
	require.ErrorIs(t, workspace.Put("large", json.RawMessage(string(largest)+" 1")), store.ErrInvalidData)
	require.ErrorIs(t, workspace.Put("large", strings.Repeat("x", store.MaxWorkspaceDataBytes)), store.ErrTooLarge)
}

func TestWorkspace_Put_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	workspace := newWorkspace(t, opened, "acme", "a")
	for _, kind := range []string{"time", "_row", `row\`, `row\,`, "namespace", "workspace", "", "a\nb", "a\x00b", "\xff", "\u0085", strings.Repeat("k", store.MaxWorkspaceKindBytes+1)} {
		require.ErrorIs(t, workspace.Put(kind, nil), store.ErrInvalidName, "%q", kind)
	}
	for name, data := range map[string]any{
		"NoJSON": func() {}, "RawThatIsNone": json.RawMessage(`{`), "RawThatIsTwo": json.RawMessage(`1 2`), "RawThatIsNoText": json.RawMessage("\"\xff\""),
	} {
		require.ErrorIs(t, workspace.Put("row", data), store.ErrInvalidData, name)
	}
	t.Run("TooManyKinds", func(t *testing.T) {
		workspace := newWorkspace(t, openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed}), "acme", "b")
		for index := range store.MaxWorkspaceKinds {
			require.NoError(t, workspace.Put(fmt.Sprint(index), nil))
		}
		err := workspace.Put("one more", nil)
		require.ErrorIs(t, err, store.ErrTooLarge)
		require.ErrorContains(t, err, `there are 1000 kinds already, "one more" would be another`)
		require.NoError(t, workspace.Put("7", nil))
		count, err := workspace.Count()
		require.NoError(t, err)
		assert.Equal(t, store.MaxWorkspaceKinds+1, count)
	})
	requireSummary(t, map[string]int64{}, workspace)
}

func TestWorkspace_Discard_Good(t *testing.T) {
	config := store.StoreConfig{WorkspaceStateDirectory: t.TempDir()}
	opened := openStore(t, config)
	workspace := newWorkspace(t, opened, "acme", "a")
	putEntries(t, workspace, "row", 2)
	require.NoError(t, workspace.Discard())
	assert.Empty(t, workspaceFiles(t, config.WorkspaceStateDirectory))
	t.Run("NothingIsDoneWithItAgain", func(t *testing.T) {
		require.ErrorIs(t, workspace.Discard(), store.ErrNotFound)
		require.ErrorIs(t, workspace.Put("row", nil), store.ErrNotFound)
		_, err := workspace.Aggregate()
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = workspace.Count()
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = workspace.Commit()
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = opened.FindWorkspace("acme", "a")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
	t.Run("ItsNameIsFree", func(t *testing.T) {
		requireSummary(t, map[string]int64{}, newWorkspace(t, opened, "acme", "a"))
	})
}

func TestWorkspace_Close_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	workspace := newWorkspace(t, opened, "acme", "a")
	putEntries(t, workspace, "row", 2)
	require.NoError(t, workspace.Close())
	require.NoError(t, workspace.Close())
	require.ErrorIs(t, workspace.Put("row", nil), store.ErrClosed)
	require.ErrorIs(t, workspace.Discard(), store.ErrClosed)
	requireSummary(t, map[string]int64{"row": 2}, newWorkspace(t, opened, "acme", "a"))
}

func TestWorkspace_Put_Ugly(t *testing.T) {
	t.Run("MoreAtOnceThanFilesAreOpen", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
		var working sync.WaitGroup
		for index := range 3 * store.MaxWorkspaceConnections {
			working.Go(func() {
				workspace, _, err := opened.OpenWorkspace("acme", fmt.Sprint(index%100))
				if assert.NoError(t, err) {
					assert.NoError(t, workspace.Put("row", index))
					assert.NoError(t, workspace.Put("row", index))
				}
			})
		}
		working.Wait()
		assert.LessOrEqual(t, store.OpenWorkspaceConnections(opened), store.MaxWorkspaceConnections)
		infos, err := opened.Workspaces("acme")
		require.NoError(t, err)
		require.Len(t, infos, 100)
		total := int64(0)
		for _, info := range infos {
			total += info.Entries
		}
		assert.Equal(t, int64(6*store.MaxWorkspaceConnections), total)
	})
	t.Run("StoreThatIsClosed", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		workspace := newWorkspace(t, opened, "acme", "a")
		require.NoError(t, opened.Close())
		require.ErrorIs(t, workspace.Put("row", nil), store.ErrClosed)
		_, err := workspace.Add("row", nil)
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = workspace.Query("SELECT 1")
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = opened.FindWorkspace("acme", "a")
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = opened.RecoverOrphans("")
		require.ErrorIs(t, err, store.ErrClosed)
		require.ErrorIs(t, workspace.Discard(), store.ErrClosed)
		_, err = workspace.Commit()
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = opened.NewWorkspace("b")
		require.ErrorIs(t, err, store.ErrClosed)
		_, err = opened.Workspaces("")
		require.ErrorIs(t, err, store.ErrClosed)
	})
	t.Run("StoreInMemoryLeavesNothing", func(t *testing.T) {
		temporary := t.TempDir()
		t.Setenv("TMPDIR", temporary)
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		putEntries(t, newWorkspace(t, opened, "acme", "a"), "row", 1)
		require.NotEmpty(t, workspaceFiles(t, temporary))
		require.NoError(t, opened.Close())
		assert.Empty(t, workspaceFiles(t, temporary))
	})
	t.Run("FolderOfAnotherStore", func(t *testing.T) {
		folder := t.TempDir()
		newWorkspace(t, openStore(t, store.StoreConfig{WorkspaceStateDirectory: folder}), "acme", "a")
		_, err := store.NewConfigured(store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: folder})
		require.ErrorIs(t, err, store.ErrDatabaseInUse)
		_, err = openStore(t, store.StoreConfig{}).RecoverOrphans(folder)
		require.ErrorIs(t, err, store.ErrDatabaseInUse)
	})
	t.Run("FolderThatCannotBeMade", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		_, err := store.NewConfigured(store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: filepath.Join(file, "state")})
		require.Error(t, err)
	})
}

func TestWorkspaces_RecoverOrphans_Good(t *testing.T) {
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir(), Clock: clock.Now}
	opened := openStore(t, config)
	for _, name := range []string{"c", "a", "b"} {
		putEntries(t, newWorkspace(t, opened, "acme", name), "row", 2)
		clock.Advance(time.Second)
	}
	crashed := copyFolder(t, config.WorkspaceStateDirectory)
	t.Run("OfTheStoresOwnFolder", func(t *testing.T) {
		opened := reopen(t, opened, config)
		newWorkspace(t, opened, "acme", "a")
		orphans, err := opened.RecoverOrphans("")
		require.NoError(t, err)
		require.Len(t, orphans, 2)
		assert.Equal(t, "c", orphans[0].Name())
		assert.Equal(t, "b", orphans[1].Name())
		requireSummary(t, map[string]int64{"row": 2}, orphans[1])
		orphans, err = opened.RecoverOrphans(config.WorkspaceStateDirectory)
		require.NoError(t, err)
		assert.Empty(t, orphans, "somebody has opened them")
	})
	t.Run("OfAnotherFolderAfterACrash", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		newWorkspace(t, opened, "acme", "a")
		orphans, err := opened.RecoverOrphans(crashed)
		require.NoError(t, err)
		require.Len(t, orphans, 3)
		for _, orphan := range orphans {
			requireSummary(t, map[string]int64{"row": 2}, orphan)
		}
		requireSummary(t, map[string]int64{}, newWorkspace(t, opened, "acme", "a"))
		commit, err := orphans[1].Commit()
		require.NoError(t, err)
		assert.Equal(t, map[string]int64{"row": 2}, commit.Summary)
		again, err := opened.RecoverOrphans(crashed)
		require.NoError(t, err)
		assert.Empty(t, again)
	})
	t.Run("OfAFolderThatIsNotThere", func(t *testing.T) {
		orphans, err := openStore(t, store.StoreConfig{}).RecoverOrphans(filepath.Join(t.TempDir(), "none"))
		require.NoError(t, err)
		assert.Empty(t, orphans)
	})
}

// copyFolder copies the files of a folder as a crash would leave them.
func copyFolder(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range workspaceFiles(t, from) {
		if strings.HasSuffix(name, "-shm") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, name), content, 0o600))
	}
	return to
}

func TestWorkspaces_RecoverOrphans_Ugly(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t), WorkspaceStateDirectory: t.TempDir()}
	opened := openStore(t, config)
	putEntries(t, newWorkspace(t, opened, "acme", "whole"), "row", 2)
	require.NoError(t, opened.Close())
	whole := workspaceFiles(t, config.WorkspaceStateDirectory)
	require.Len(t, whole, 1)
	content, err := os.ReadFile(filepath.Join(config.WorkspaceStateDirectory, whole[0]))
	require.NoError(t, err)
	hostile := func(statements string) func(path string) {
		return func(path string) {
			require.NoError(t, os.WriteFile(path, content, 0o600))
			execute(t, path, statements)
		}
	}
	damaged := append([]byte{}, content...)
	for index := 4096; index < len(damaged); index++ {
		damaged[index] ^= 0x5a
	}
	bad := map[string]func(path string){
		"empty":     func(path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
		"text":      func(path string) { require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("DUCK", 100)), 0o600)) },
		"truncated": func(path string) { require.NoError(t, os.WriteFile(path, content[:len(content)/2], 0o600)) },
		"damaged":   func(path string) { require.NoError(t, os.WriteFile(path, damaged, 0o600)) },
		"folder":    func(path string) { require.NoError(t, os.Mkdir(path, 0o700)) },
		"link":      func(path string) { require.NoError(t, os.Symlink(config.DatabasePath, path)) },
		"foreign":   hostile(`PRAGMA application_id = 7`),
		"trigger":   hostile(`CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END`),
		"nobodys":   hostile(`DELETE FROM workspace`),
		"badName":   hostile(`UPDATE workspace SET name = '../x'`),
		"badOwner":  hostile(`UPDATE workspace SET namespace = 'admin'`),
	}
	for name, plant := range bad {
		plant(filepath.Join(config.WorkspaceStateDirectory, name+".workspace"))
	}
	require.NoError(t, os.WriteFile(filepath.Join(config.WorkspaceStateDirectory, "0123.partial"), []byte("half"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(config.WorkspaceStateDirectory, "notes.txt"), []byte("mine"), 0o600))
	opened = openStore(t, config)
	orphans, err := opened.RecoverOrphans("")
	require.NoError(t, err)
	require.Len(t, orphans, 1)
	requireSummary(t, map[string]int64{"row": 2}, orphans[0])
	quarantined := workspaceFiles(t, filepath.Join(config.WorkspaceStateDirectory, "quarantine"))
	assert.Len(t, quarantined, len(bad), "%q", quarantined)
	for name := range bad {
		found, err := filepath.Glob(filepath.Join(config.WorkspaceStateDirectory, "quarantine", name+".workspace.*", name+".workspace"))
		require.NoError(t, err)
		assert.Len(t, found, 1, name)
	}
	assert.FileExists(t, filepath.Join(config.WorkspaceStateDirectory, "notes.txt"), "it is none of ours")
	assert.NoFileExists(t, filepath.Join(config.WorkspaceStateDirectory, "0123.partial"))
}

func TestScope_Workspaces_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	acme := newScoped(t, opened, "acme")
	_, created, err := acme.OpenWorkspace("import")
	require.NoError(t, err)
	assert.True(t, created)
	_, err = acme.FindWorkspace("import")
	require.NoError(t, err)
	_, err = opened.FindWorkspace("", "import")
	require.ErrorIs(t, err, store.ErrNotFound)
	infos, err := acme.Workspaces()
	require.NoError(t, err)
	require.Len(t, infos, 1)
	assert.Equal(t, "import", infos[0].Name)
}
