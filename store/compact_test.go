// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// endpoint is a configuration in which entries wait for their delivery.
var endpoint = store.JournalConfiguration{EndpointURL: "http://127.0.0.1:8086", Organisation: store.NoOrganisation, BucketName: "journal"}

// archivedLine is a line of an archive.
type archivedLine struct {
	EntryID     int64             `json:"entry_id"`
	CommittedAt time.Time         `json:"committed_at"`
	Namespace   string            `json:"namespace"`
	Measurement string            `json:"measurement"`
	Fields      map[string]any    `json:"fields"`
	Tags        map[string]string `json:"tags"`
	Bucket      *string           `json:"bucket"`
}

// unpacked is what an archive holds.
func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	var lines io.Reader
	if strings.HasSuffix(path, ".zst") {
		decoder, err := zstd.NewReader(file)
		require.NoError(t, err)
		defer decoder.Close()
		lines = decoder
	} else {
		lines, err = gzip.NewReader(file)
		require.NoError(t, err)
	}
	content, err := io.ReadAll(lines)
	require.NoError(t, err)
	return content
}

// archivedLines reads an archive.
func archivedLines(t *testing.T, path string) (lines []archivedLine) {
	t.Helper()
	for text := range bytes.Lines(unpacked(t, path)) {
		var line archivedLine
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&line))
		lines = append(lines, line)
	}
	return lines
}

// archivedNumbers are the numbers of the entries in archives of a folder.
func archivedNumbers(t *testing.T, folder string) []string {
	t.Helper()
	numbers := []string{}
	for _, name := range files(t, folder) {
		for _, line := range archivedLines(t, filepath.Join(folder, name)) {
			number, ok := line.Fields["number"].(map[string]any)["integer"].(string)
			require.True(t, ok)
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// compact archives everything up to now.
func compact(t *testing.T, opened *store.Store, folder string) store.Compaction {
	t.Helper()
	compaction, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder})
	require.NoError(t, err)
	return compaction
}

// requireRows returns when rows that are archived are gone.
func requireRows(t *testing.T, opened *store.Store, want int64) {
	t.Helper()
	for range 100 {
		rows, err := store.JournalRowCount(opened)
		require.NoError(t, err)
		if rows == want {
			return
		}
		settle(t, opened)
	}
	rows, err := store.JournalRowCount(opened)
	require.NoError(t, err)
	require.Equal(t, want, rows)
}

func TestCompact_Compact_Good(t *testing.T) {
	t.Parallel()
	for format, suffix := range map[string]string{"": ".jsonl.gz", store.ArchiveGzip: ".jsonl.gz", store.ArchiveZstd: ".jsonl.zst"} {
		t.Run("KeepsEveryType"+suffix, func(t *testing.T) {
			config := store.StoreConfig{DatabasePath: databasePath(t)}
			opened, folder := openStore(t, config), t.TempDir()
			fields := map[string]any{"f": 12.5, "i": int64(math.MinInt64), "u": uint64(math.MaxUint64), "b": true, "s": "<a>\u2028 \"é"}
			scoped, err := store.NewScoped(opened, "acme")
			require.NoError(t, err)
			first, err := scoped.CommitToJournal("m", fields, map[string]string{"host": "a1"})
			require.NoError(t, err)
			second, err := opened.CommitToJournal("other m", map[string]any{"n": 1.0}, nil)
			require.NoError(t, err)
			compaction, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: folder, Format: format})
			require.NoError(t, err)
			path := filepath.Join(folder, compaction.Archive)
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			sum := sha256.Sum256(content)
			assert.Equal(t, store.Compaction{Archive: compaction.Archive, Entries: 2, SHA256: hex.EncodeToString(sum[:])}, compaction)
			assert.Equal(t, []string{compaction.Archive}, files(t, folder))
			assert.True(t, strings.HasPrefix(compaction.Archive, "journal-") && strings.HasSuffix(compaction.Archive, suffix), compaction.Archive)
			information, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), information.Mode())
			assert.Equal(t, []archivedLine{
				{
					EntryID: first.EntryID, CommittedAt: first.CommittedAt, Namespace: "acme", Measurement: "m", Tags: map[string]string{"host": "a1"},
					Fields: map[string]any{
						"f": 12.5, "b": true, "s": "<a>\u2028 \"é",
						"i": map[string]any{"integer": "-9223372036854775808"}, "u": map[string]any{"unsigned": "18446744073709551615"},
					},
				},
				{EntryID: second.EntryID, CommittedAt: second.CommittedAt, Measurement: "other m", Tags: map[string]string{}, Fields: map[string]any{"n": 1.0}},
			}, archivedLines(t, path))
			requireRows(t, opened, 0)
			verified, err := opened.VerifyArchive(path)
			require.NoError(t, err)
			assert.Equal(t, store.ArchiveContent{
				Entries: 2, SHA256: compaction.SHA256, Bytes: int64(len(content)), First: first.CommittedAt, Last: second.CommittedAt,
			}, verified)
			t.Run("TimesAndIDsGoOn", func(t *testing.T) {
				opened := reopen(t, opened, config)
				next, err := opened.CommitToJournal("m", map[string]any{"n": 1.0}, nil)
				require.NoError(t, err)
				assert.Equal(t, second.EntryID+1, next.EntryID)
				assert.True(t, next.CommittedAt.After(second.CommittedAt))
			})
		})
	}
	t.Run("LeavesWhatIsToBeDeliveredOrWasRefused", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t), Journal: endpoint}
		opened, folder := openStore(t, config), t.TempDir()
		journalled(t, opened, "acme", 1, 2, 3, 4, 5, 6)
		assert.Equal(t, store.Compaction{}, compact(t, opened, folder), "nothing is delivered")
		settleJournal(t, opened, 4, 1)
		assert.Equal(t, int64(3), compact(t, opened, folder).Entries)
		assert.Equal(t, []string{"1", "3", "4"}, archivedNumbers(t, folder))
		requireCounts(t, opened, "acme", 2, 3, 1)
		assert.Equal(t, []int{5, 6}, pendingNumbers(t, opened))
		assert.Equal(t, []int64{2}, refusedNumbers(t, opened, "acme"))
		requireRows(t, opened, 3)
		assert.Equal(t, store.Compaction{}, compact(t, opened, folder))
		// What is requeued waits for its delivery, whatever was archived around it.
		_, err := opened.RequeueJournal("acme", nil)
		require.NoError(t, err)
		assert.Equal(t, store.Compaction{}, compact(t, opened, folder))
		opened = reopen(t, opened, config)
		assert.Equal(t, []int{2, 5, 6}, pendingNumbers(t, opened))
		settleJournal(t, opened, 3)
		assert.Equal(t, int64(3), compact(t, opened, folder).Entries)
		assert.ElementsMatch(t, []string{"1", "2", "3", "4", "5", "6"}, archivedNumbers(t, folder))
		requireCounts(t, opened, "acme", 0, 6, 0)
		requireRows(t, opened, 0)
	})
	t.Run("WithoutAnEndpointNothingWaits", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened, folder := openStore(t, config), t.TempDir()
		journalled(t, opened, "acme", 1, 2)
		journalled(t, opened, "other", 3)
		assert.Equal(t, int64(3), compact(t, opened, folder).Entries)
		assert.Equal(t, store.JournalStatus{}, opened.JournalTotals())
		journalled(t, opened, "acme", 4)
		requireCounts(t, opened, "acme", 1, 0, 0)
		requireCounts(t, opened, "other", 0, 0, 0)
		config.Journal = endpoint
		opened = reopen(t, opened, config)
		requireCounts(t, opened, "acme", 1, 0, 0)
		assert.Equal(t, []int{4}, pendingNumbers(t, opened), "what is archived is never delivered")
		settleJournal(t, opened, 1)
		requireCounts(t, opened, "acme", 0, 1, 0)
	})
	t.Run("OnlyWhatWasCommittedBefore", func(t *testing.T) {
		clock := newClock()
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase, Clock: clock.Now}), t.TempDir()
		journalled(t, opened, "acme", 1)
		clock.Advance(time.Hour)
		before := clock.Now()
		journalled(t, opened, "acme", 2)
		for _, early := range []time.Time{before.Add(-2 * time.Hour), time.Unix(0, 0), time.Unix(-1, 0), time.Date(-200, 1, 1, 0, 0, 0, 0, time.UTC)} {
			compaction, err := opened.Compact(store.CompactOptions{Before: early, Output: folder})
			require.NoError(t, err)
			assert.Equal(t, store.Compaction{}, compaction)
		}
		assert.Empty(t, files(t, folder), "no archive without an entry")
		compaction, err := opened.Compact(store.CompactOptions{Before: before, Output: folder})
		require.NoError(t, err)
		assert.Equal(t, int64(1), compaction.Entries, "the one of that very time stays")
		assert.Equal(t, []string{"1"}, archivedNumbers(t, folder))
		assert.Equal(t, []int{2}, pendingNumbers(t, opened))
		assert.Equal(t, before, opened.JournalTotals().OldestPendingAt)
	})
	t.Run("ManySlicesWhileOthersWrite", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
		number := 0
		journal := func(count int) {
			for range count {
				command, err := store.NewJournalCommand("acme", "m", map[string]any{"number": number, "text": strings.Repeat("x", 1000)}, nil)
				require.NoError(t, err)
				opened.Submit(command, func(_ store.Outcome, err error) { assert.NoError(t, err) })
				number++
			}
		}
		journal(4000)
		settle(t, opened)
		slices, written := 0, []int64{}
		require.NoError(t, store.FailCompactions(opened, func(step string) {
			if step == "written" {
				slices++
				journal(10)
				status, err := opened.Status()
				assert.NoError(t, err)
				written = append(written, status.Archiving)
			}
		}))
		before := time.Now()
		compaction, err := opened.Compact(store.CompactOptions{Before: before, Output: folder})
		require.NoError(t, err)
		assert.Greater(t, slices, 3)
		assert.Equal(t, int64(4000), compaction.Entries)
		assert.IsNonDecreasing(t, written, "how far it has come")
		assert.Equal(t, int64(4000), written[len(written)-1])
		status, err := opened.Status()
		require.NoError(t, err)
		assert.Zero(t, status.Archiving)
		lines := archivedLines(t, filepath.Join(folder, compaction.Archive))
		for index, line := range lines {
			require.Equal(t, int64(index+1), line.EntryID)
		}
		requireCounts(t, opened, "acme", int64(number-4000), 0, 0)
		requireRows(t, opened, int64(number-4000))
		assert.Len(t, pendingNumbers(t, opened), number-4000)
	})
	t.Run("EntriesOfTheOriginalLibrary", func(t *testing.T) {
		path, folder := databasePath(t), t.TempDir()
		execute(t, path, `CREATE TABLE entries (group_name TEXT NOT NULL, entry_key TEXT NOT NULL, entry_value TEXT NOT NULL, expires_at INTEGER, PRIMARY KEY (group_name, entry_key));
			CREATE TABLE journal_entries (entry_id INTEGER PRIMARY KEY AUTOINCREMENT, bucket_name TEXT NOT NULL, measurement TEXT NOT NULL, fields_json TEXT NOT NULL,
			tags_json TEXT NOT NULL, committed_at INTEGER NOT NULL, archived_at INTEGER);
			INSERT INTO journal_entries (bucket_name, measurement, fields_json, tags_json, committed_at, archived_at) VALUES
			('store', 'm', '{"a":1,"n":null,"o":{"x":[1]},"i":{"integer":"7"}}', '{"t":"v","u":5}', 0, NULL), ('store', 'gone', '{}', '{}', 1, 5),
			('b', CAST(x'6dff' AS TEXT), 'no JSON', '[]', 1, NULL)`)
		opened := openStore(t, store.StoreConfig{DatabasePath: path})
		compaction := compact(t, opened, folder)
		bucket, other := "store", "b"
		assert.Equal(t, []archivedLine{
			{
				EntryID: 1, CommittedAt: time.Unix(0, 0).UTC(), Measurement: "m", Bucket: &bucket, Tags: map[string]string{"t": "v", "u": "5"},
				Fields: map[string]any{"a": 1.0, "o": `{"x":[1]}`, "i": map[string]any{"integer": "7"}},
			},
			{
				EntryID: 3, CommittedAt: time.Unix(0, 1e6+1).UTC(), Measurement: "m\ufffd", Bucket: &other, Tags: map[string]string{"tags": "[]"},
				Fields: map[string]any{"fields": "no JSON"},
			},
		}, archivedLines(t, filepath.Join(folder, compaction.Archive)))
		requireRows(t, opened, 1) // what the original library had archived stays as it was
	})
	t.Run("IntoAFolderBehindALink", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
		link := filepath.Join(t.TempDir(), "link")
		require.NoError(t, os.Symlink(folder, link))
		journalled(t, opened, "acme", 1)
		assert.Equal(t, int64(1), compact(t, opened, link).Entries)
		assert.Equal(t, []string{"1"}, archivedNumbers(t, folder))
	})
}

func TestCompact_Compact_Bad(t *testing.T) {
	opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
	journalled(t, opened, "acme", 1)
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	now := time.Now()
	for name, test := range map[string]struct {
		options store.CompactOptions
		want    error
		text    string
	}{
		"ZeroTime":      {store.CompactOptions{Output: folder}, store.ErrInvalidCompaction, "store.Compact: invalid compaction: Before is the zero time; say before when entries are archived"},
		"Future":        {store.CompactOptions{Before: now.Add(time.Hour), Output: folder}, store.ErrInvalidCompaction, "in the future"},
		"DistantFuture": {store.CompactOptions{Before: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Output: folder}, store.ErrInvalidCompaction, "in the future"},
		"Format":        {store.CompactOptions{Before: now, Output: folder, Format: "GZIP"}, store.ErrInvalidCompaction, `Format is "GZIP"; use "gzip" or "zstd"`},
		"NoFolder":      {store.CompactOptions{Before: now}, store.ErrInvalidCompaction, "Output is empty"},
		"FolderIsAFile": {store.CompactOptions{Before: now, Output: file}, store.ErrUnavailable, "the folder of archives: it is a file"},
		"FolderIsAway":  {store.CompactOptions{Before: now, Output: filepath.Join(folder, "away")}, store.ErrUnavailable, "the folder of archives: lstat: no such file"},
		"FolderInAFile": {store.CompactOptions{Before: now, Output: filepath.Join(file, "away")}, store.ErrUnavailable, "the folder of archives: not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			compaction, err := opened.Compact(test.options)
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.text)
			assert.NotContains(t, err.Error(), folder, "others may read it")
			assert.Equal(t, store.Compaction{}, compaction)
		})
	}
	assert.Equal(t, []int{1}, pendingNumbers(t, opened))
	assert.Equal(t, []string{"file"}, files(t, folder))
	t.Run("FolderThatTakesNoFiles", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("there is no /proc")
		}
		_, err := opened.Compact(store.CompactOptions{Before: now, Output: "/proc/self"})
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.ErrorContains(t, err, "the folder of archives: sync: invalid argument")
	})
	t.Run("TwoAtOnce", func(t *testing.T) {
		release, done := store.Hold(opened), make(chan error, 1)
		opened.SubmitCompact(store.CompactOptions{Before: now, Output: folder}, func(_ store.Compaction, err error) { done <- err })
		_, err := opened.Compact(store.CompactOptions{Before: now, Output: folder})
		require.ErrorIs(t, err, store.ErrCompactionUnderway)
		release()
		require.NoError(t, <-done)
		assert.Equal(t, store.Compaction{}, compact(t, opened, folder), "and one after the other")
	})
	t.Run("ClosedStore", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		require.NoError(t, opened.Close())
		_, err := opened.Compact(store.CompactOptions{Before: now, Output: folder})
		require.ErrorIs(t, err, store.ErrClosed)
	})
}
