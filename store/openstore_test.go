// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"dappco.re/go/storebus/internal/testrun"
	"dappco.re/go/storebus/store"
)

// modelChecks is how many sequences the model test tries, where -rapid.checks is not given.
const modelChecks = "15"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", modelChecks); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	testrun.WaitTogether()
	goleak.VerifyTestMain(m)
}

// openStore returns a store that is closed when the test ends, and then found to be
// sound. It is on a file of its own where config names none.
func openStore(t testing.TB, config store.StoreConfig) *store.Store {
	t.Helper()
	if config.DatabasePath == "" {
		config.DatabasePath = filepath.Join(t.TempDir(), "storebus.db")
	}
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	t.Cleanup(func() { closeStore(t, opened, config) })
	return opened
}

// reopen closes a store and opens its database again.
func reopen(t testing.TB, opened *store.Store, config store.StoreConfig) *store.Store {
	t.Helper()
	closeStore(t, opened, config)
	return openStore(t, config)
}

// closeStore closes a store and checks that it is sound. One that has stopped
// writing has left its tables behind its log, and is opened once more for that.
func closeStore(t testing.TB, opened *store.Store, config store.StoreConfig) {
	t.Helper()
	status, err := opened.Status()
	require.NoError(t, opened.Close())
	if config.DatabasePath == store.MemoryDatabase {
		return
	}
	if err == nil && !status.Writable {
		opened, err := store.NewConfigured(config)
		require.NoError(t, err)
		require.NoError(t, opened.Close())
	}
	requireSound(t, config.DatabasePath)
}

// crashCopy copies the files of a store that is open, as a crash would leave them,
// and returns the path of the copy.
func crashCopy(t testing.TB, opened *store.Store, path string) string {
	t.Helper()
	copied := databasePath(t)
	require.NoError(t, store.OnCommitter(opened, func() error { return copyDatabase(path, copied) }))
	return copied
}

func copyDatabase(from, to string) error {
	for _, suffix := range []string{"", "-wal", ".commits"} {
		content, err := os.ReadFile(from + suffix)
		if err == nil {
			err = os.WriteFile(to+suffix, content, 0o600)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// databasePath returns the path of a database that is not there yet.
func databasePath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "storebus.db")
}

// testClock is a clock that stands still until it is moved.
type testClock struct {
	mutex   sync.Mutex
	now     time.Time
	elapsed time.Duration
}

func newClock() *testClock {
	return &testClock{now: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)}
}

func (clock *testClock) Now() time.Time {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	return clock.now
}

func (clock *testClock) Elapsed() time.Duration {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	return clock.elapsed
}

// Advance lets time pass, and sets the clock back by what is negative.
func (clock *testClock) Advance(duration time.Duration) {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	clock.now = clock.now.Add(duration)
	clock.elapsed += max(0, duration)
}

// Set sets the clock forward or back, while no time passes.
func (clock *testClock) Set(duration time.Duration) {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	clock.now = clock.now.Add(duration)
}

// settle returns when the committer has done what was due: expiries are logged, and
// a slice of the log is trimmed.
func settle(t testing.TB, opened *store.Store) {
	t.Helper()
	for range 2 {
		_, err := opened.Status()
		require.NoError(t, err)
	}
}

// result is what Submit reports.
type result struct {
	outcome store.Outcome
	err     error
}

// requested is a command that is submitted with a request.
type requested struct {
	store.Command
	request store.Request
}

// submitOne hands over a command, with its request where it has one.
func submitOne(opened *store.Store, command store.Command, done func(store.Outcome, error)) {
	if request, ok := command.(requested); ok {
		opened.SubmitRequest(request.request, request.Command, done)
	} else {
		opened.Submit(command, done)
	}
}

// submitTogether carries out commands in one batch and returns what became of each.
func submitTogether(opened *store.Store, commands ...store.Command) []result {
	results := make([]result, len(commands))
	var waiting sync.WaitGroup
	waiting.Add(len(commands))
	release := store.Hold(opened)
	for index, command := range commands {
		submitOne(opened, command, func(outcome store.Outcome, err error) {
			results[index] = result{outcome, err}
			waiting.Done()
		})
	}
	release()
	waiting.Wait()
	return results
}

// submit carries out a command as the bus would.
func submit(opened *store.Store, command store.Command) (store.Outcome, error) {
	results := submitTogether(opened, command)
	return results[0].outcome, results[0].err
}

// changes returns the changes of a namespace after a revision, all of them.
func changes(t testing.TB, opened *store.Store, namespace string, after uint64) []store.Event {
	t.Helper()
	var events []store.Event
	for {
		page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: namespace, After: after, Limit: 1000})
		require.NoError(t, err)
		events = append(events, public(page.Events)...)
		if after = page.Next; after == page.Revision {
			return events
		}
	}
}

// public returns events as a caller could have made them, so that they can be
// compared as a whole.
func public(events []store.Event) []store.Event {
	copies := make([]store.Event, len(events))
	for index, event := range events {
		copies[index] = store.Event{
			Type: event.Type, Namespace: event.Namespace, Group: event.Group, Key: event.Key, Value: event.Value,
			Timestamp: event.Timestamp, Revision: event.Revision, Previous: event.Previous, Created: event.Created,
			ExpiresAt: event.ExpiresAt, TransactionFirst: event.TransactionFirst, TransactionLast: event.TransactionLast,
			TraceParent: event.TraceParent,
		}
	}
	return copies
}

// brief says what the events are in a word each: "set a", "expire b".
func brief(events []store.Event) []string {
	words := make([]string, len(events))
	for index, event := range events {
		words[index] = event.Type.String() + " " + event.Key
	}
	return words
}

func pointerTo[Value any](value Value) *Value { return &value }
