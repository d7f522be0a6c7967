// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/store/internal/changelog"
)

// errSkipped is the error of a step that builds on a step that has failed.
var errSkipped = errors.New("it was not tried")

// work is a load that changes each table, step by step. A step that fails does not end it.
type work struct {
	t         *testing.T
	store     *store.Store
	archives  string
	consumer  *store.Consumer
	workspace *store.Workspace
	entries   []store.JournalEntry
	// outcomes are the errors of the steps that have ended, by their names. mutex is for hooks,
	// which run in the committer.
	outcomes map[string]error
	mutex    sync.Mutex
}

// workStep is a step with a look at what it leaves in the tables, nil if later steps change that.
type workStep struct {
	name string
	do   func(work *work) error
	held func(tables map[string][]string) bool
}

// hasRow looks for a row of a table that has all texts.
func hasRow(table string, texts ...string) func(tables map[string][]string) bool {
	return func(tables map[string][]string) bool {
		return slices.ContainsFunc(tables[table], func(row string) bool {
			return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(row, text) })
		})
	}
}

func hasNoRow(table string, texts ...string) func(tables map[string][]string) bool {
	found := hasRow(table, texts...)
	return func(tables map[string][]string) bool { return !found(tables) }
}

func journalStep(number int) workStep {
	return workStep{fmt.Sprint("journal", number), func(work *work) error {
		scoped, err := store.NewScoped(work.store, "acme")
		require.NoError(work.t, err)
		entry, err := scoped.CommitToJournal("deploy", map[string]any{"number": number}, nil)
		if err == nil {
			work.entries = append(work.entries, entry)
		}
		return err
	}, func(tables map[string][]string) bool {
		return hasRow("journal_entries", fmt.Sprintf("{\\number\\:{\\integer\\:\\%d\\", number))(tables) || len(tables["journal_archives"]) > 0
	}}
}

var workSteps = []workStep{
	{"quota", func(work *work) error {
		return work.store.SetQuota("acme", store.Quota{MaxKeys: 100, MaxBytes: 1 << 20})
	}, hasRow("quotas", "|acme|100|")},
	{"set", func(work *work) error { return work.store.Set("acme:config", "theme", "dark") }, hasRow("entries", "|acme:config|theme|")},
	{"ttl", func(work *work) error { return work.store.SetWithTTL("acme:session", "token", "abc", time.Hour) }, hasRow("entries", "|acme:session|token|")},
	{"request", func(work *work) error {
		_, err := submit(work.store, counted("id"))
		return err
	}, hasRow("entries", "|acme:g|sum|")},
	{"register", func(work *work) (err error) {
		work.consumer, err = work.store.RegisterConsumer("reader")
		return err
	}, hasRow("consumers", "|reader|")},
	{"registerGone", func(work *work) error {
		_, err := work.store.RegisterConsumer("gone")
		return err
	}, nil},
	{"unregisterGone", func(work *work) error {
		if work.outcomes["registerGone"] != nil {
			return errSkipped
		}
		return work.store.UnregisterConsumer("gone")
	}, hasNoRow("consumers", "|gone|")},
	journalStep(1), journalStep(2), journalStep(3), journalStep(4),
	{"transaction", func(work *work) error {
		return work.store.Transaction(func(transaction *store.StoreTransaction) error {
			return errors.Join(transaction.Set("acme:t", "one", "1"), transaction.Set("other:t", "two", "2"))
		})
	}, hasRow("entries", "|acme:t|one|")},
	{"settle", func(work *work) error {
		if len(work.entries) < 4 {
			return errSkipped
		}
		rejections := []store.JournalRejection{
			{JournalEntry: work.entries[1], RejectedAt: work.entries[1].CommittedAt, Status: 400, Reason: "no"},
			{JournalEntry: work.entries[2], RejectedAt: work.entries[2].CommittedAt, Status: 400, Reason: "no"},
		}
		return work.store.SettleJournal(work.entries[:1], rejections)
	}, hasRow("journal_refusals", "|acme|", "|no|")},
	{"requeue", func(work *work) error {
		if len(work.entries) < 4 {
			return errSkipped
		}
		requeued, err := work.store.RequeueJournal("acme", []int64{work.entries[1].EntryID})
		if err == nil && requeued == 0 {
			return errSkipped
		}
		return err
	}, nil},
	{"settleAgain", func(work *work) error {
		if work.outcomes["requeue"] != nil {
			return errSkipped
		}
		requeued, _, err := work.store.PendingJournal(1, 1<<20)
		if err != nil {
			return err
		}
		return work.store.SettleJournal(requeued, nil)
	}, nil},
	{"workspace", func(work *work) (err error) {
		work.workspace, _, err = work.store.OpenWorkspace("acme", "import")
		if err == nil {
			err = work.workspace.Put("row", map[string]any{"index": 1})
		}
		return err
	}, nil},
	{"workspaceCommit", func(work *work) error {
		if work.outcomes["workspace"] != nil {
			return errSkipped
		}
		_, err := work.workspace.Commit()
		return err
	}, hasRow("entries", "|acme:workspace:import|summary|")},
	{"compact", func(work *work) error {
		if len(work.entries) < 4 {
			return errSkipped
		}
		compaction, err := work.store.Compact(store.CompactOptions{Before: work.entries[2].CommittedAt, Output: work.archives})
		if err == nil && compaction.Entries == 0 {
			return errSkipped
		}
		return err
	}, hasRow("journal_archives", ".jsonl")},
	{"deleteGroup", func(work *work) error { return work.store.DeleteGroup("acme:config") }, nil},
	{"acknowledge", func(work *work) error {
		if work.consumer == nil || work.outcomes["transaction"] != nil {
			return errSkipped // nothing would come
		}
		if _, err := work.consumer.Next(work.t.Context()); err != nil {
			return err
		}
		work.consumer.Acknowledge()
		return nil
	}, nil},
	{"quotaGone", func(work *work) error { return work.store.SetQuota("other", store.Quota{MaxKeys: 5}) }, hasRow("quotas", "|other|5|")},
	{"rest", func(work *work) error {
		return errors.Join(store.KeepHouse(work.store), store.KeepHouse(work.store), store.Settle(work.store))
	}, nil},
	{"last", func(work *work) error { return work.store.Set("acme:last", "key", "value") }, hasRow("entries", "|acme:last|key|")},
}

// openWork opens a store for the work.
func openWork(t *testing.T, config store.StoreConfig) *work {
	t.Helper()
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	if config.Durability == store.DurabilityFull {
		require.NoError(t, store.BeginNewest(opened))
	}
	return &work{t: t, store: opened, archives: t.TempDir(), outcomes: map[string]error{}}
}

// workConfig is the configuration of a store for the work.
func workConfig(t *testing.T) store.StoreConfig {
	t.Helper()
	folder := t.TempDir()
	return store.StoreConfig{DatabasePath: filepath.Join(folder, "storebus.db"), WorkspaceStateDirectory: filepath.Join(folder, "workspaces"), Durability: store.DurabilityRelaxed}
}

// run takes the steps, and calls each after every one.
func (work *work) run(each func()) {
	for _, step := range workSteps {
		err := step.do(work)
		work.mutex.Lock()
		work.outcomes[step.name] = err
		work.mutex.Unlock()
		each()
	}
}

// ended returns the outcomes so far, for a hook.
func (work *work) ended() map[string]error {
	work.mutex.Lock()
	defer work.mutex.Unlock()
	return maps.Clone(work.outcomes)
}

// requireKept checks the steps that have ended against the tables of a store: an acknowledged
// step is there, and a refused step is not.
func requireKept(t *testing.T, outcomes map[string]error, tables map[string][]string) {
	t.Helper()
	for _, step := range workSteps {
		err, ended := outcomes[step.name]
		switch {
		case step.held == nil || !ended || errors.Is(err, store.ErrOutcomeUnknown) || errors.Is(err, errSkipped):
		case err == nil && step.name == "set" && mayBeDone(outcomes, "deleteGroup"):
		default:
			require.Equal(t, err == nil, step.held(tables), "step %s ended with %v", step.name, err)
		}
	}
	require.Equal(t, hasRow("entries", "|acme:t|one|")(tables), hasRow("entries", "|other:t|two|")(tables), "a transaction is whole")
}

// mayBeDone reports whether a step has not failed, or is not known to have.
func mayBeDone(outcomes map[string]error, name string) bool {
	err := outcomes[name]
	return err == nil || errors.Is(err, store.ErrOutcomeUnknown)
}

// requireChained checks the records of a store: their ids are dense, and each has the hash of
// the record before.
func requireChained(t *testing.T, opened *store.Store) {
	t.Helper()
	records, err := store.RecordsAfter(opened, 0)
	require.NoError(t, err)
	var previous changelog.Hash
	for index, record := range records {
		require.Equal(t, uint64(index+1), record.ID)
		require.Equal(t, opened.ID(), record.StoreID)
		require.Equal(t, previous, record.Previous)
		previous = record.Hash()
	}
}

// seenOf is all that callers see of a store after the work.
func seenOf(t *testing.T, opened *store.Store) map[string]any {
	t.Helper()
	seen := map[string]any{}
	for _, group := range []string{"acme:config", "acme:session", "acme:g", "acme:t", "other:t", "acme:workspace:import", "acme:last"} {
		all, err := opened.GetAll(group)
		require.NoError(t, err)
		seen[group] = all
	}
	for _, namespace := range []string{"acme", "other"} {
		usage, err := opened.Usage(namespace)
		require.NoError(t, err)
		usage.WorkspaceBytes = 0 // the size of SQLite's files: a closed one has no log
		status, err := opened.JournalStatus(namespace)
		require.NoError(t, err)
		rejected, err := opened.JournalRejected(store.JournalRejectedQuery{Namespace: namespace})
		require.NoError(t, err)
		seen[namespace] = []any{usage, status, rejected, changes(t, opened, namespace, 0)}
	}
	pending, _, err := opened.PendingJournal(100, 1<<20)
	require.NoError(t, err)
	rows, known, err := store.RememberedAnswers(opened)
	require.NoError(t, err)
	require.Equal(t, rows, known)
	seen["journal"] = []any{pending, opened.JournalTotals(), rows}
	return seen
}

// requireWhole checks a store after the work and its faults, and closes it: memory, the database
// after a restart, and a store that follows its records agree.
func requireWhole(t *testing.T, work *work, config store.StoreConfig) {
	t.Helper()
	status, err := work.store.Status()
	require.NoError(t, err)
	var seen map[string]any
	if status.Writable {
		seen = seenOf(t, work.store)
		requireChained(t, work.store)
	}
	require.NoError(t, work.store.Close())
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	if status.Writable {
		require.Equal(t, seen, seenOf(t, opened))
	}
	requireChained(t, opened)
	requireKept(t, work.outcomes, tablesOf(t, opened))
	requireFollows(t, opened, t.TempDir())
	require.NoError(t, opened.Set("acme:after", "key", "value"))
	requireChained(t, opened)
	require.NoError(t, opened.Close())
	requireSound(t, config.DatabasePath)
}

// statementsOfWork returns the names of the statements of the work without a fault.
func statementsOfWork(t *testing.T) (names []string) {
	t.Helper()
	config := workConfig(t)
	work := openWork(t, config)
	require.NoError(t, store.OnStatement(work.store, func(name string, execute func() error) error {
		names = append(names, name)
		return execute()
	}))
	work.run(func() {})
	require.NoError(t, store.OnStatement(work.store, func(_ string, execute func() error) error { return execute() }))
	for name, err := range work.outcomes {
		require.NoError(t, err, name)
	}
	requireWhole(t, work, config)
	return names
}

// TestRecords_Faults_Ugly has each statement of the work fail before it does anything, fail after it
// is carried out, and fail as on a full disk. Each run takes a part of them, and all with -every.
func TestRecords_Faults_Ugly(t *testing.T) {
	t.Parallel()
	names, stride := statementsOfWork(t), strideOf(statementStride)
	seed := rand.IntN(stride)
	t.Logf("%d statements, seed %d", len(names), seed)
	full := diskFull(t)
	for offset, kind := range []string{"NotCarriedOut", "CarriedOut", "DiskIsFull"} {
		fail := []func(execute func() error) error{
			func(func() error) error { return errFsync },
			func(execute func() error) error { return errors.Join(execute(), errFsync) },
			func(func() error) error { return full },
		}[offset]
		for number := (offset*stride/3 + seed) % stride; number < len(names); number += stride {
			t.Run(fmt.Sprintf("%s/%03d%s", kind, number, names[number]), func(t *testing.T) {
				config := workConfig(t)
				work := openWork(t, config)
				count := 0
				require.NoError(t, store.OnStatement(work.store, func(_ string, execute func() error) error {
					if count++; count == number+1 {
						return fail(execute)
					}
					return execute()
				}))
				work.run(func() {})
				requireWhole(t, work, config)
			})
		}
	}
}

// crashImage is what a crash leaves, with the steps that had ended then.
type crashImage struct {
	label    string
	files    map[string][]byte
	outcomes map[string]error
}

// filesOf reads the database, its write-ahead log and its newest commits.
func filesOf(t *testing.T, path string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, suffix := range []string{"", "-wal", ".commits"} {
		content, err := os.ReadFile(path + suffix)
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
		}
		files[suffix] = content
	}
	return files
}

// writeImage undoes filesOf at another path.
func writeImage(t *testing.T, path string, files map[string][]byte) {
	t.Helper()
	for suffix, content := range files {
		require.NoError(t, os.WriteFile(path+suffix, content, 0o600))
	}
}

// torn is the write-ahead log if only a part of the last write to it has reached the disk, or if
// a part in the middle has not.
func torn(before, after []byte, random *rand.Rand) (images [][]byte) {
	first := 0
	for first < len(before) && first < len(after) && before[first] == after[first] {
		first++
	}
	if first == len(after) {
		return nil
	}
	overlay := func(from, to int) []byte {
		image := slices.Clone(after)
		copy(image[from:to], make([]byte, to-from))
		if from < len(before) {
			copy(image[from:to], before[from:min(to, len(before))])
		}
		return image
	}
	cut := first + random.IntN(len(after)-first)
	middle := first + random.IntN(len(after)-first)
	return [][]byte{after[:cut], overlay(cut, len(after)), overlay(middle, min(middle+4096, len(after)))}
}

// TestRecords_Crash_Ugly opens the files as they are before and after each COMMIT of the work,
// and with a last write that is torn.
func TestRecords_Crash_Ugly(t *testing.T) {
	t.Parallel()
	for _, durability := range []store.Durability{store.DurabilityRelaxed, store.DurabilityFull} {
		t.Run(string(durability), func(t *testing.T) { crashAnywhere(t, durability) })
	}
}

func crashAnywhere(t *testing.T, durability store.Durability) {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	config := workConfig(t)
	config.Durability = durability
	work := openWork(t, config)
	var images []crashImage
	take := func(label string, files map[string][]byte) {
		images = append(images, crashImage{fmt.Sprintf("%03d%s", len(images), label), files, work.ended()})
	}
	require.NoError(t, store.OnStatement(work.store, func(name string, execute func() error) error {
		if name != "commit" {
			return execute()
		}
		before := filesOf(t, config.DatabasePath)
		err := execute()
		after := filesOf(t, config.DatabasePath)
		for _, log := range torn(before["-wal"], after["-wal"], random) {
			take("Torn", map[string][]byte{"": after[""], "-wal": log, ".commits": after[".commits"]})
		}
		take("Committed", after)
		return err
	}))
	work.run(func() {
		require.NoError(t, store.OnCommitter(work.store, func() error {
			take("Step", filesOf(t, config.DatabasePath))
			return nil
		}))
	})
	require.NoError(t, store.OnStatement(work.store, func(_ string, execute func() error) error { return execute() }))
	requireWhole(t, work, config)
	t.Logf("%d images", len(images))
	stride := strideOf(imageStride)
	for number := random.IntN(stride); number < len(images); number += stride {
		image := images[number]
		t.Run(image.label, func(t *testing.T) {
			config := workConfig(t)
			writeImage(t, config.DatabasePath, image.files)
			opened, err := store.NewConfigured(config)
			require.NoError(t, err)
			requireChained(t, opened)
			requireKept(t, image.outcomes, tablesOf(t, opened))
			requireFollows(t, opened, t.TempDir())
			require.NoError(t, opened.SetQuota("after", store.Quota{MaxKeys: 1}))
			require.NoError(t, opened.Set("acme:after", "key", "value"))
			requireChained(t, opened)
			require.NoError(t, opened.Close())
			requireSound(t, config.DatabasePath)
		})
	}
	assert.True(t, slices.ContainsFunc(images, func(image crashImage) bool { return bytes.Contains([]byte(image.label), []byte("Torn")) }))
}
