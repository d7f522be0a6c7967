// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"context"
	"fmt"
	"time"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// memoryInterval is the time between two looks at the memory of the process.
const memoryInterval = 5 * time.Millisecond

// Query runs one SELECT over the entries of the workspace, in the turn of its namespace.
func (workspace *Workspace) Query(query string, limit int) (workspacefile.Rows, error) {
	query, err := workspacefile.CheckQuery(query, limit)
	if err != nil {
		return workspacefile.Rows{}, err
	}
	run := workspace.run
	leave, err := workspace.workspaces.queries.Enter(run.Name.Namespace)
	if err != nil {
		return workspacefile.Rows{}, err
	}
	defer leave()
	release, err := workspace.pin()
	if err != nil {
		return workspacefile.Rows{}, err
	}
	defer release()
	ctx, stop := workspace.queryContext()
	defer stop()
	var rows workspacefile.Rows
	err = workspace.workspaces.opening(func() (err error) {
		rows, err = run.Query(ctx, query, limit)
		return err
	})
	return rows, err
}

// pin keeps the files of the workspace in place until release is called. Writes go on
// meanwhile.
func (workspace *Workspace) pin() (release func(), err error) {
	turn, err := workspace.takeTurn()
	if err != nil {
		return nil, err
	}
	defer turn.giveBack()
	run, pool := turn.run, workspace.workspaces.pool
	if _, err := pool.acquire(turn); err != nil {
		return nil, workspacefile.Failure(err)
	}
	run.reading.RLock()
	return func() {
		pool.release(run)
		run.reading.RUnlock()
	}, nil
}

// queryContext ends when the query's time is up, and when the workspace or the store ends. Its
// cause says which. The caller calls stop.
func (workspace *Workspace) queryContext() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	longest := workspace.workspaces.bounds.QueryTime
	timer := time.AfterFunc(longest, func() {
		cancel(fmt.Errorf("%w: the query has run for %s", failure.ErrDeadlineExceeded, longest))
	})
	watcher := make(chan struct{})
	go func() {
		defer close(watcher)
		workspace.watchQuery(ctx, cancel)
	}()
	return ctx, func() {
		timer.Stop()
		cancel(nil)
		<-watcher
	}
}

// watchQuery cancels a query if its workspace or the store ends, or if the process grows too much:
// SQLite itself has no bound here.
func (workspace *Workspace) watchQuery(ctx context.Context, cancel context.CancelCauseFunc) {
	most := workspace.workspaces.bounds.QueryMemory
	ticker := time.NewTicker(memoryInterval)
	defer ticker.Stop()
	before, measured := sqlite.ResidentBytes()
	for {
		select {
		case <-ctx.Done():
			return
		case <-workspace.run.ended:
			cancel(errEnded)
		case <-workspace.workspaces.config.Stopped:
			cancel(failure.ErrClosed)
		case <-ticker.C:
			if now, _ := sqlite.ResidentBytes(); measured && now-before > most {
				cancel(&failure.TooLargeError{What: "memory of the query", Size: now - before, Limit: most})
			}
		}
	}
}
