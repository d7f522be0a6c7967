// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package embedded_test

import (
	"compress/gzip"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// soakEndpoint takes points of the journal, and notes their numbers.
type soakEndpoint struct {
	*httptest.Server
	// fails is how many requests are still to fail.
	fails atomic.Int64

	mutex sync.Mutex
	taken map[string]bool
}

func startSoakEndpoint(t *testing.T) *soakEndpoint {
	t.Helper()
	endpoint := &soakEndpoint{taken: map[string]bool{}}
	endpoint.Server = httptest.NewServer(http.HandlerFunc(endpoint.take))
	t.Cleanup(endpoint.Close)
	return endpoint
}

func (endpoint *soakEndpoint) take(answer http.ResponseWriter, request *http.Request) {
	unpacked, err := gzip.NewReader(request.Body)
	if err == nil {
		var lines []byte
		if lines, err = io.ReadAll(unpacked); err == nil && endpoint.fails.Add(-1) < 0 {
			endpoint.note(string(lines))
			answer.WriteHeader(http.StatusNoContent)
			return
		}
	}
	answer.WriteHeader(http.StatusServiceUnavailable)
}

func (endpoint *soakEndpoint) note(lines string) {
	endpoint.mutex.Lock()
	defer endpoint.mutex.Unlock()
	for line := range strings.Lines(lines) {
		if _, after, found := strings.Cut(line, "number="); found {
			number, _, _ := strings.Cut(after, "i")
			endpoint.taken[number] = true
		}
	}
}

// soakTasks are clients that repeat a request without a reply, as the Go client does. Each change
// is made once.
type soakTasks struct {
	store    *client.Client
	endpoint *soakEndpoint
	stop     chan struct{}
	group    sync.WaitGroup
	done     atomic.Int64

	mutex sync.Mutex
	// sum counts increments with a reply, and unsure those without.
	sum, unsure int64
	points      []soakPoint
	workspaces  map[string]int64
}

// soakPoint is an acknowledged point of the journal.
type soakPoint struct {
	number int64
	id     uint64
}

func startSoakTasks(t *testing.T, url string, endpoint *soakEndpoint) *soakTasks {
	t.Helper()
	connection := connect(t, url, append(persistent(make(chan struct{}, 1024)), nats.ReconnectBufSize(-1))...)
	store, err := client.New(connection, client.Config{Timeout: time.Minute, Patience: time.Minute})
	require.NoError(t, err)
	tasks := &soakTasks{store: store, endpoint: endpoint, stop: make(chan struct{}), workspaces: map[string]int64{}}
	_, err = store.Quota(t.Context(), "small", client.QuotaOptions{MaxKeys: client.Revision(10)})
	require.NoError(t, err)
	for _, task := range []func(t *testing.T, number int64){tasks.increment, tasks.commitPoint, tasks.useWorkspace, tasks.fillQuota, tasks.expire} {
		tasks.group.Go(func() {
			for number := int64(0); ; number++ {
				select {
				case <-tasks.stop:
					return
				default:
				}
				task(t, number)
				tasks.done.Add(1)
			}
		})
	}
	t.Cleanup(tasks.end)
	return tasks
}

func (tasks *soakTasks) end() {
	select {
	case <-tasks.stop:
	default:
		close(tasks.stop)
	}
	tasks.group.Wait()
}

func (tasks *soakTasks) increment(t *testing.T, _ int64) {
	t.Helper()
	_, err := tasks.store.Increment(t.Context(), "counting", "g", "sum", 1, client.IncrementOptions{})
	tasks.mutex.Lock()
	defer tasks.mutex.Unlock()
	if err == nil {
		tasks.sum++
	} else {
		tasks.unsure++
	}
}

func (tasks *soakTasks) commitPoint(t *testing.T, number int64) {
	t.Helper()
	reply, err := tasks.store.JournalCommit(t.Context(), "counting", "m", map[string]any{"number": number}, client.JournalOptions{})
	if err == nil {
		tasks.mutex.Lock()
		tasks.points = append(tasks.points, soakPoint{number: number, id: reply.EntryID})
		tasks.mutex.Unlock()
	}
}

// useWorkspace puts some rows into a workspace and commits it.
func (tasks *soakTasks) useWorkspace(t *testing.T, number int64) {
	t.Helper()
	name := fmt.Sprintf("work-%d", number)
	if _, err := tasks.store.WorkspaceOpen(t.Context(), "working", name, client.WorkspaceOptions{}); err != nil {
		return
	}
	for row := range 1 + number%5 {
		if _, err := tasks.store.WorkspacePut(t.Context(), "working", name, "row", map[string]any{"row": row}, client.WorkspaceOptions{}); err != nil {
			return
		}
	}
	if _, err := tasks.store.WorkspaceCommit(t.Context(), "working", name, client.WorkspaceOptions{}); err == nil {
		tasks.mutex.Lock()
		tasks.workspaces[name] = 1 + number%5
		tasks.mutex.Unlock()
	}
}

func (tasks *soakTasks) fillQuota(t *testing.T, number int64) {
	t.Helper()
	key := fmt.Sprintf("key-%d", number%25)
	_, err := tasks.store.Set(t.Context(), "small", "g", key, []byte("v"), client.SetOptions{})
	if err != nil && number%3 == 0 {
		_, _ = tasks.store.Delete(t.Context(), "small", "g", fmt.Sprintf("key-%d", (number+7)%25), client.DeleteOptions{})
	}
	usage, err := tasks.store.Usage(t.Context(), "small")
	if err == nil {
		assert.LessOrEqual(t, usage.Keys, uint64(10))
	}
}

func (tasks *soakTasks) expire(t *testing.T, number int64) {
	t.Helper()
	_, _ = tasks.store.Set(t.Context(), "brief", "g", fmt.Sprintf("key-%d", number), []byte("v"), client.SetOptions{TTL: subjects.After(time.Duration(10+number%2000) * time.Millisecond)})
}

// verify holds what the clients were told against the store.
func (tasks *soakTasks) verify(t *testing.T) {
	t.Helper()
	entry, err := tasks.store.Get(t.Context(), "counting", "g", "sum")
	require.NoError(t, err)
	var value int64
	_, err = fmt.Sscan(string(entry.Value), &value)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, value, tasks.sum, "increments are lost")
	assert.LessOrEqual(t, value, tasks.sum+tasks.unsure, "increments are counted twice")

	require.Eventually(t, func() bool {
		status, err := tasks.store.JournalStatus(t.Context(), "counting")
		return err == nil && status.Pending == 0
	}, 3*patience, 100*time.Millisecond, "points stay") // the delivery waits for longer after each failure
	tasks.endpoint.mutex.Lock()
	for _, point := range tasks.points {
		assert.True(t, tasks.endpoint.taken[fmt.Sprint(point.number)], "point %d is lost", point.number)
	}
	tasks.endpoint.mutex.Unlock()

	for name, rows := range tasks.workspaces {
		summary, err := tasks.store.Get(t.Context(), "working", "workspace:"+name, "summary")
		require.NoError(t, err, "the summary of %s", name)
		assert.Contains(t, string(summary.Value), fmt.Sprint(rows), name)
	}
	usage, err := tasks.store.Usage(t.Context(), "small")
	require.NoError(t, err)
	listed := uint64(0)
	for _, err := range tasks.store.ListAll(t.Context(), "small", "g", client.ListOptions{}) {
		require.NoError(t, err)
		listed++
	}
	assert.Equal(t, listed, usage.Keys, "the counter of keys")

	tasks.verifyExpiry(t)
}

// verifyArchives looks for each acknowledged point in the journal of a database that no process has
// open, or in one archive. It returns the number of archived points.
func (tasks *soakTasks) verifyArchives(t *testing.T, path, folder string) (count int) {
	t.Helper()
	found := map[uint64]bool{}
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, file := range files {
		archive := filepath.Join(folder, file.Name())
		verified := run(t, "", "archive", "verify", archive)
		require.Zero(t, verified.code, verified.stderr)
		for _, point := range archivedPoints(t, archive) {
			require.False(t, found[point.EntryID], "point %d is archived twice", point.EntryID)
			found[point.EntryID] = true
			count++
		}
	}
	database, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer database.Close()
	rows, err := database.Query("SELECT entry_id FROM journal_entries")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id uint64
		require.NoError(t, rows.Scan(&id))
		found[id] = true // if it is archived too, its row is about to be removed
	}
	require.NoError(t, rows.Err())
	for _, point := range tasks.points {
		require.True(t, found[point.id], "point %d is lost", point.id)
	}
	return count
}

// verifyExpiry waits until all brief keys are gone, and looks for one end of each in the log.
func (tasks *soakTasks) verifyExpiry(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		usage, err := tasks.store.Usage(t.Context(), "brief")
		return err == nil && usage.Keys == 0
	}, patience, 100*time.Millisecond, "keys stay")
	live := map[string]bool{}
	for after := uint64(0); ; {
		page, err := tasks.store.Changes(t.Context(), "brief", client.ChangesOptions{After: after, Limit: 1000})
		require.NoError(t, err)
		for _, change := range page.Changes {
			set := change.Type == "set"
			require.NotEqual(t, set, live[change.Key], "%s of %s at %d", change.Type, change.Key, change.Revision)
			live[change.Key] = set
		}
		if page.Next == page.Revision {
			break
		}
		after = page.Next
	}
	for key, lives := range live {
		assert.False(t, lives, "%s never ended", key)
	}
}
