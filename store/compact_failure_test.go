// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/testrun"
	"dappco.re/go/storebus/store"
)

// compactionSteps are the steps of a compaction, in their order.
var compactionSteps = []string{"begun", "written", "synced", "verified", "renamed", "placed", "finished", "removing", "emptied"}

// journalMany commits so many points in one batch or a few.
func journalMany(t *testing.T, opened *store.Store, namespace string, from, to int) {
	t.Helper()
	for number := from; number < to; number++ {
		command, err := store.NewJournalCommand(namespace, "m", map[string]any{"number": number}, nil)
		require.NoError(t, err)
		opened.Submit(command, func(_ store.Outcome, err error) { assert.NoError(t, err) })
	}
	settle(t, opened)
}

// requireArchivedOnce says that, of so many entries, each is in the journal or in an
// archive of the folder, and in one of them only, and that nothing else lies there. It
// returns how many are archived.
func requireArchivedOnce(t *testing.T, opened *store.Store, folder string, entries int) (archived int) {
	t.Helper()
	var found []string
	for _, number := range pendingNumbers(t, opened) {
		found = append(found, fmt.Sprint(number))
	}
	status, err := opened.JournalStatus("acme")
	require.NoError(t, err)
	assert.Equal(t, int64(len(found)), status.Pending)
	for _, name := range files(t, folder) {
		content, err := opened.VerifyArchive(filepath.Join(folder, name))
		require.NoError(t, err)
		archived += int(content.Entries)
	}
	found = append(found, archivedNumbers(t, folder)...)
	want := make([]string, entries)
	for number := range want {
		want[number] = fmt.Sprint(number)
	}
	require.ElementsMatch(t, want, found)
	return archived
}

// TestCompact_Crash_Ugly opens what a crash would leave at each step, twice: the second
// time the folder is as it was, too.
func TestCompact_Crash_Ugly(t *testing.T) {
	testrun.SkipUnderDetector(t)
	t.Parallel()
	for at, step := range compactionSteps {
		t.Run(step, func(t *testing.T) {
			const entries = 1500
			path, folder := databasePath(t), t.TempDir()
			opened := openStore(t, store.StoreConfig{DatabasePath: path})
			journalMany(t, opened, "acme", 0, entries)
			copied, left := databasePath(t), filepath.Join(t.TempDir(), "left")
			once := true
			require.NoError(t, store.FailCompactions(opened, func(reached string) {
				if reached != step || !once {
					return
				}
				once = false
				copies := func() error { return errors.Join(copyDatabase(path, copied), os.CopyFS(left, os.DirFS(folder))) }
				if step == "removing" || step == "emptied" { // in the committer
					assert.NoError(t, copies())
				} else {
					assert.NoError(t, store.OnCommitter(opened, copies))
				}
			}))
			compact(t, opened, folder)
			requireRows(t, opened, 0)
			assert.Equal(t, entries, requireArchivedOnce(t, opened, folder, entries))
			require.NoError(t, opened.Close())

			require.NoError(t, os.RemoveAll(folder))
			require.NoError(t, os.Rename(left, folder))
			crashed := openStore(t, store.StoreConfig{DatabasePath: copied})
			archived := requireArchivedOnce(t, crashed, folder, entries)
			if at < 6 {
				assert.Zero(t, archived, "what is not told to be finished is removed")
			} else {
				assert.Equal(t, entries, archived)
				requireRows(t, crashed, 0)
			}
			compact(t, crashed, folder)
			assert.Equal(t, entries, requireArchivedOnce(t, crashed, folder, entries))
			assert.Len(t, files(t, folder), 1)
		})
	}
}

func TestCompact_Folder_Ugly(t *testing.T) {
	away := func(t *testing.T, at string) {
		t.Helper()
		config, folder := store.StoreConfig{DatabasePath: databasePath(t)}, filepath.Join(t.TempDir(), "archive")
		opened, elsewhere := openStore(t, config), t.TempDir()
		journalMany(t, opened, "acme", 0, 10)
		require.NoError(t, os.Mkdir(folder, 0o700))
		require.NoError(t, store.FailCompactions(opened, func(step string) {
			if step == at {
				assert.NoError(t, os.Rename(folder, folder+".away"))
			}
		}))
		_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.NoError(t, store.FailCompactions(opened, nil))
		_, err = opened.Compact(store.CompactOptions{Before: time.Now(), Output: elsewhere})
		require.ErrorIs(t, err, store.ErrUnavailable, "what is left there would be there twice")
		require.ErrorContains(t, err, "remove the unfinished archive journal-")
		opened = reopen(t, opened, config)
		assert.Len(t, pendingNumbers(t, opened), 10)
		require.NoError(t, os.Rename(folder+".away", folder))
		assert.Equal(t, int64(10), compact(t, opened, elsewhere).Entries)
		assert.Empty(t, files(t, folder))
		assert.Equal(t, 10, requireArchivedOnce(t, opened, elsewhere, 10))
	}
	for _, step := range []string{"begun", "written", "synced", "verified", "renamed"} {
		t.Run("GoneWhen"+step, func(t *testing.T) { away(t, step) })
	}
	t.Run("NamesOfOthersStay", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
		outside := filepath.Join(t.TempDir(), "outside")
		require.NoError(t, os.WriteFile(outside, []byte("kept"), 0o600))
		for _, name := range []string{"journal-x.jsonl.gz.partial", "a\n.partial", "-rf", "journal-20261101T000000Z-0.jsonl.gz"} {
			require.NoError(t, os.Symlink(outside, filepath.Join(folder, name)))
		}
		require.NoError(t, os.Mkdir(filepath.Join(folder, "journal-y.jsonl.gz"), 0o700))
		journalMany(t, opened, "acme", 0, 3)
		assert.Equal(t, int64(3), compact(t, opened, folder).Entries)
		assert.Len(t, files(t, folder), 6)
		content, err := os.ReadFile(outside)
		require.NoError(t, err)
		assert.Equal(t, "kept", string(content))
	})
	t.Run("NameIsTaken", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
		journalMany(t, opened, "acme", 0, 3)
		taken := ""
		require.NoError(t, store.FailCompactions(opened, func(step string) {
			if step == "verified" {
				taken = strings.TrimSuffix(files(t, folder)[0], ".partial")
				assert.NoError(t, os.Mkdir(filepath.Join(folder, taken), 0o700))
			}
		}))
		_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.ErrorContains(t, err, "exists")
		assert.Len(t, pendingNumbers(t, opened), 3)
	})
	t.Run("FileThatChangesBeforeItIsRead", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
		journalMany(t, opened, "acme", 0, 3)
		for _, damage := range []func(path string) error{
			func(path string) error { return os.Truncate(path, 20) },
			func(path string) error { return os.WriteFile(path, gzipped(t, archiveLines(2)), 0o600) },
		} {
			require.NoError(t, store.FailCompactions(opened, func(step string) {
				if step == "synced" {
					assert.NoError(t, damage(filepath.Join(folder, files(t, folder)[0])))
				}
			}))
			_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
			require.ErrorIs(t, err, store.ErrInvalidArchive)
			assert.Empty(t, files(t, folder))
			assert.Len(t, pendingNumbers(t, opened), 3)
		}
	})
}

func TestCompact_Database_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("CommitThatIsRefused", func(t *testing.T) {
		for _, table := range []string{"INSERT ON journal_archives", "INSERT ON journal_removals", "UPDATE ON journal_archives", "UPDATE ON journal_counts"} {
			opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
			journalMany(t, opened, "acme", 0, 3)
			require.NoError(t, store.Execute(opened, `CREATE TRIGGER refuse BEFORE `+table+` BEGIN SELECT raise(ABORT, 'no'); END`))
			_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
			require.ErrorContains(t, err, "no")
			require.NoError(t, store.Execute(opened, `DROP TRIGGER refuse`))
			assert.Zero(t, requireArchivedOnce(t, opened, folder, 3))
			compact(t, opened, folder)
			assert.Equal(t, 3, requireArchivedOnce(t, opened, folder, 3))
		}
	})
	t.Run("RecordThatCannotBeForgotten", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
		journalMany(t, opened, "acme", 0, 3)
		require.NoError(t, store.Execute(opened, `CREATE TRIGGER refuse BEFORE DELETE ON journal_archives BEGIN SELECT raise(ABORT, 'never'); END;
			CREATE TRIGGER refuse_too BEFORE INSERT ON journal_removals BEGIN SELECT raise(ABORT, 'no'); END`))
		_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
		require.ErrorContains(t, err, "no")
		require.ErrorContains(t, err, "never")
		assert.Zero(t, requireArchivedOnce(t, opened, folder, 3))
		require.NoError(t, store.Execute(opened, `DROP TRIGGER refuse; DROP TRIGGER refuse_too`))
		compact(t, opened, folder)
		assert.Equal(t, 3, requireArchivedOnce(t, opened, folder, 3))
	})
	for _, happened := range []bool{true, false} {
		t.Run(fmt.Sprintf("CommitOfWhichNobodyKnows/%t", happened), func(t *testing.T) {
			config, folder := store.StoreConfig{DatabasePath: databasePath(t)}, t.TempDir()
			opened := openStore(t, config)
			journalMany(t, opened, "acme", 0, 3)
			require.NoError(t, store.FailCompactions(opened, func(step string) {
				if step == "placed" {
					assert.NoError(t, store.OnCommit(opened, func(commit func() error) error {
						if happened {
							assert.NoError(t, commit())
						}
						return os.ErrDeadlineExceeded
					}))
				}
			}))
			_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
			require.ErrorIs(t, err, store.ErrOutcomeUnknown)
			assert.Len(t, files(t, folder), 1, "it may be all that there is of the entries")
			_, err = opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
			require.ErrorIs(t, err, store.ErrUnavailable)
			assert.Len(t, files(t, folder), 1)
			opened = reopen(t, opened, config)
			assert.Equal(t, happened, requireArchivedOnce(t, opened, folder, 3) == 3)
			compact(t, opened, folder)
			assert.Equal(t, 3, requireArchivedOnce(t, opened, folder, 3))
		})
	}
	t.Run("RowsThatCannotBeRemoved", func(t *testing.T) {
		var logged logged
		config, folder := store.StoreConfig{DatabasePath: databasePath(t), Logger: logged.logger()}, t.TempDir()
		opened := openStore(t, config)
		journalMany(t, opened, "acme", 0, 3)
		require.NoError(t, store.Execute(opened, `CREATE TRIGGER refuse BEFORE DELETE ON journal_entries BEGIN SELECT raise(ABORT, 'no'); END`))
		compact(t, opened, folder)
		settle(t, opened)
		assert.Contains(t, logged.String(), `it is tried again" work="removing archived journal entries"`)
		requireRows(t, opened, 3)
		assert.Equal(t, 3, requireArchivedOnce(t, opened, folder, 3))
		assert.Equal(t, store.Compaction{}, compact(t, opened, folder), "they are archived already")
		queried, err := opened.QueryJournal(`from(bucket: "b") |> range(start: 2020-01-01T00:00:00Z)`)
		require.NoError(t, err)
		assert.Empty(t, queried)
		opened = reopen(t, opened, config)
		assert.Equal(t, store.Compaction{}, compact(t, opened, folder))
		journalMany(t, opened, "acme", 3, 4)
		require.NoError(t, store.Execute(opened, `DROP TRIGGER refuse`))
		requireRows(t, opened, 1)
		assert.Equal(t, 3, requireArchivedOnce(t, opened, folder, 4))
	})
	t.Run("DeliveryThatTheConfigurationDoesNotTellOf", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
		journalMany(t, opened, "acme", 0, 3)
		require.NoError(t, store.FailCompactions(opened, func(step string) {
			if step == "placed" {
				settleJournal(t, opened, 2)
			}
		}))
		_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.ErrorContains(t, err, "entries were delivered while they were archived")
		assert.Empty(t, files(t, folder))
		requireCounts(t, opened, "acme", 1, 2, 0)
		assert.Equal(t, []int{2}, pendingNumbers(t, opened))
	})
	t.Run("RefusedEntryThatIsDeliveredMeanwhile", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t), Journal: endpoint}), t.TempDir()
		journalMany(t, opened, "acme", 0, 5)
		settleJournal(t, opened, 5, 2)
		require.NoError(t, store.FailCompactions(opened, func(step string) {
			if step == "written" {
				_, err := opened.RequeueJournal("acme", nil)
				assert.NoError(t, err)
				settleJournal(t, opened, 1)
			}
		}))
		assert.Equal(t, int64(4), compact(t, opened, folder).Entries)
		requireRows(t, opened, 1)
		require.NoError(t, store.FailCompactions(opened, nil))
		assert.Equal(t, int64(1), compact(t, opened, folder).Entries)
		assert.ElementsMatch(t, []string{"0", "1", "2", "3", "4"}, archivedNumbers(t, folder))
	})
	t.Run("BackupOfAStoreThatCompacts", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
		journalMany(t, opened, "acme", 0, 3)
		path := databasePath(t)
		require.NoError(t, store.FailCompactions(opened, func(step string) {
			if step == "begun" {
				_, err := opened.Backup(path)
				assert.NoError(t, err)
			}
		}))
		compact(t, opened, folder)
		copied := openStore(t, store.StoreConfig{DatabasePath: path})
		assert.Len(t, pendingNumbers(t, copied), 3)
		assert.Equal(t, store.Compaction{}, compact(t, opened, folder))
		assert.Equal(t, 3, requireArchivedOnce(t, opened, folder, 3), "a copy removes no archive of the store")
		_, err := copied.VerifyArchive(filepath.Join(folder, files(t, folder)[0]))
		require.ErrorIs(t, err, store.ErrNotFound)
	})
	for _, at := range []string{"begun", "synced"} {
		t.Run("CloseEndsIt/"+at, func(t *testing.T) {
			config, folder := store.StoreConfig{DatabasePath: databasePath(t)}, t.TempDir()
			opened := openStore(t, config)
			journalMany(t, opened, "acme", 0, 2500)
			closed := make(chan error, 1)
			require.NoError(t, store.FailCompactions(opened, func(step string) {
				if step == at {
					go func() { closed <- opened.Close() }()
					for !store.Closing(opened) {
						assert.Empty(t, closed)
					}
				}
			}))
			_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
			require.ErrorIs(t, err, store.ErrClosed)
			require.NotErrorIs(t, err, store.ErrUnavailable)
			require.NoError(t, <-closed)
			assert.Empty(t, files(t, folder))
			assert.Zero(t, requireArchivedOnce(t, openStore(t, config), folder, 2500))
		})
	}
}

func TestCompact_Bounds_Good(t *testing.T) {
	t.Parallel()
	t.Run("PlacesWhereAnEntryStays", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t), Journal: endpoint}), t.TempDir()
		journalMany(t, opened, "acme", 0, 9)
		settleJournal(t, opened, 9, 0, 2, 3, 5, 7)
		store.BoundArchives(opened, 2, 1000, 1<<20)
		first := compact(t, opened, folder)
		assert.Equal(t, []any{int64(2), true}, []any{first.Entries, first.More})
		assert.Equal(t, []string{"1", "4"}, archivedNumbers(t, folder))
		second := compact(t, opened, folder)
		assert.Equal(t, []any{int64(2), false}, []any{second.Entries, second.More})
		assert.ElementsMatch(t, []string{"1", "4", "6", "8"}, archivedNumbers(t, folder))
		requireRows(t, opened, 5)
	})
	for format, size := range map[string]int64{store.ArchiveGzip: 30, store.ArchiveZstd: 30} {
		t.Run("Content/"+format, func(t *testing.T) {
			opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
			for range size {
				_, err := opened.CommitToJournal("m", map[string]any{"text": strings.Repeat("x", 60_000)}, nil)
				require.NoError(t, err)
			}
			store.BoundArchives(opened, 2, 2, 300_000)
			archives, entries := 0, int64(0)
			for more := true; more; archives++ {
				compaction, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder, Format: format})
				require.NoError(t, err)
				entries, more = entries+compaction.Entries, compaction.More
			}
			assert.Equal(t, size, entries)
			assert.Greater(t, archives, 5)
		})
	}
	t.Run("EntryThatFitsNoLine", func(t *testing.T) {
		path, folder := databasePath(t), t.TempDir()
		opened := openStore(t, store.StoreConfig{DatabasePath: path})
		require.NoError(t, store.Execute(opened, `INSERT INTO journal_entries (committed_at, entry_id, namespace, measurement, fields, tags)
			VALUES (1, 1, '', 'm', '{"a":"' || printf('%.*c', 17000000, 'x') || '"}', '{}')`))
		_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
		require.ErrorIs(t, err, store.ErrTooLarge)
		require.ErrorContains(t, err, "entry 1: line of an archive takes 17000")
		require.NoError(t, store.Execute(opened, `UPDATE journal_entries SET fields = 'no JSON'`))
		_, err = opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
		require.ErrorContains(t, err, "entry 1: ")
		assert.Empty(t, files(t, folder))
	})
}
