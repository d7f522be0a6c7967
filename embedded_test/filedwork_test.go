// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/store"
)

// filedWork are clients whose writes are in files beside the database too: points that are archived,
// and workspaces. They remember each acknowledgement and its time.
type filedWork struct {
	store *client.Client

	mutex      sync.Mutex
	points     []filedPoint
	workspaces []*filedWorkspace
	archives   int
}

// filedPoint is an acknowledged point of the journal.
type filedPoint struct {
	id       uint64
	received time.Time
}

// filedWorkspace is a workspace with the times of its acknowledgements. committed is zero before
// the end.
type filedWorkspace struct {
	name      string
	opened    time.Time
	put       []time.Time
	committed time.Time
}

const (
	filedNamespace  = "filed"
	filedWorkers    = 4
	filedWorkspaces = 3 // of each worker, in each burst
	filedRows       = 4
	filedPoints     = 10 // of each worker, between two archives
)

func newFiledWork(t *testing.T, url string) *filedWork {
	t.Helper()
	store, err := client.New(connect(t, url), client.Config{Timeout: patience, Patience: patience})
	require.NoError(t, err)
	return &filedWork{store: store}
}

// work makes a burst of points, workspaces and archives. The last workspace of each worker stays
// open.
func (work *filedWork) work(t *testing.T) {
	t.Helper()
	for round := range filedWorkspaces {
		var group sync.WaitGroup
		for range filedWorkers {
			group.Go(func() { work.commitPoints(t) })
			group.Go(func() { work.useWorkspace(t, round < filedWorkspaces-1) })
		}
		group.Go(func() {
			reply, err := work.store.Compact(t.Context(), time.Now(), client.CompactOptions{})
			assert.NoError(t, err)
			work.mutex.Lock()
			defer work.mutex.Unlock()
			if reply.Entries > 0 {
				work.archives++
			}
		})
		group.Wait()
	}
}

func (work *filedWork) commitPoints(t *testing.T) {
	t.Helper()
	for number := range filedPoints {
		reply, err := work.store.JournalCommit(t.Context(), filedNamespace, "m", map[string]any{"number": number}, client.JournalOptions{})
		if !assert.NoError(t, err) {
			return
		}
		work.mutex.Lock()
		work.points = append(work.points, filedPoint{id: reply.EntryID, received: time.Now()})
		work.mutex.Unlock()
	}
}

func (work *filedWork) useWorkspace(t *testing.T, commits bool) {
	t.Helper()
	work.mutex.Lock()
	used := &filedWorkspace{name: fmt.Sprintf("work-%d", len(work.workspaces))}
	work.workspaces = append(work.workspaces, used)
	work.mutex.Unlock()
	_, err := work.store.WorkspaceOpen(t.Context(), filedNamespace, used.name, client.WorkspaceOptions{})
	if !assert.NoError(t, err) {
		return
	}
	used.opened = time.Now()
	for row := range filedRows {
		_, err := work.store.WorkspacePut(t.Context(), filedNamespace, used.name, "row", row, client.WorkspaceOptions{})
		if !assert.NoError(t, err) {
			return
		}
		used.put = append(used.put, time.Now())
	}
	if !commits {
		return
	}
	_, err = work.store.WorkspaceCommit(t.Context(), filedNamespace, used.name, client.WorkspaceOptions{})
	if assert.NoError(t, err) {
		used.committed = time.Now()
	}
}

// String counts the acknowledgements.
func (work *filedWork) String() string {
	return fmt.Sprintf("%d points, %d workspaces and %d archives", len(work.points), len(work.workspaces), work.archives)
}

// missing names the points and workspaces that were acknowledged by a moment, and are neither in a
// store nor in its files.
func (work *filedWork) missing(t *testing.T, opened *store.Store, archives string, moment time.Time) (lost []string) {
	t.Helper()
	for _, used := range work.workspaces {
		if missing := used.missing(t, opened, moment); missing != "" {
			lost = append(lost, missing)
		}
	}
	require.NoError(t, os.MkdirAll(archives, 0o700)) // as the sidecar does
	_, err := opened.Compact(store.CompactOptions{Before: time.Now(), Output: archives})
	require.NoError(t, err)
	times := map[uint64]int{}
	files, err := filepath.Glob(filepath.Join(archives, "*.gz"))
	require.NoError(t, err)
	for _, path := range files {
		_, err := opened.VerifyArchive(path)
		require.NoError(t, err)
		for _, point := range archivedPoints(t, path) {
			times[point.EntryID]++
			require.Equal(t, 1, times[point.EntryID], "point %d is archived twice", point.EntryID)
		}
	}
	for _, point := range work.points {
		if !point.received.After(moment) && times[point.id] == 0 {
			lost = append(lost, fmt.Sprintf("point %d", point.id))
		}
	}
	left, err := os.ReadDir(archives)
	require.NoError(t, err)
	require.Len(t, left, len(files), "parts of archives stay: %v", left)
	return lost
}

// missing says what of a workspace was acknowledged by a moment and is neither in its file nor in its
// summary.
func (used *filedWorkspace) missing(t *testing.T, opened *store.Store, moment time.Time) string {
	t.Helper()
	by := func(acknowledged time.Time) bool { return !acknowledged.IsZero() && !acknowledged.After(moment) }
	rows := len(slices.DeleteFunc(slices.Clone(used.put), func(acknowledged time.Time) bool { return !by(acknowledged) }))
	summary, err := opened.Get(filedNamespace+":workspace:"+used.name, "summary")
	found, openErr := opened.FindWorkspace(filedNamespace, used.name)
	switch {
	case err == nil:
		require.ErrorIs(t, openErr, store.ErrNotFound, "%s is committed, and open", used.name)
		require.Equal(t, fmt.Sprintf(`{"row":%d}`, filedRows), strings.ReplaceAll(summary, " ", ""))
		return ""
	case !errors.Is(err, store.ErrNotFound):
		require.NoError(t, err)
	}
	if openErr == nil {
		count, err := found.Count()
		require.NoError(t, err)
		require.LessOrEqual(t, count, filedRows)
		require.NoError(t, found.Close())
		if count >= rows && !by(used.committed) {
			return ""
		}
		return fmt.Sprintf("%s: %d of %d rows, committed %t", used.name, count, rows, by(used.committed))
	}
	require.ErrorIs(t, openErr, store.ErrNotFound)
	if by(used.opened) {
		return used.name
	}
	return ""
}
