// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"dappco.re/go/storebus/store/internal/failure"
)

// workspace is a workspace for a caller, until the caller closes it.
type workspace struct {
	workspaces *workspaces
	file       *workspaceFile
	closed     atomic.Bool
}

// name is the name of the workspace within its namespace.
func (workspace *workspace) name() string { return workspace.file.name }

// path is the path of the file.
func (workspace *workspace) path() string { return workspace.file.path() }

// close refuses further calls of this caller. The workspace goes on.
func (workspace *workspace) close() { workspace.closed.Store(true) }

// takeTurn waits for the turn of the file. If the workspace cannot be used, it returns why.
func (workspace *workspace) takeTurn() (turn, error) {
	taken := workspace.file.takeTurn()
	err := taken.state.gone
	if workspace.closed.Load() {
		err = failure.ErrClosed
	}
	if err != nil {
		taken.giveBack()
		return turn{}, err
	}
	return taken, nil
}

// use lends the database of the workspace to function.
func (workspace *workspace) use(function func(turn turn, database *sql.DB) error) error {
	turn, err := workspace.takeTurn()
	if err != nil {
		return err
	}
	defer turn.giveBack()
	return workspace.workspaces.pool.use(turn, func(database *sql.DB) error { return function(turn, database) })
}

// write is use for a change of the database. After an unknown outcome there are no more writes:
// the file is read again when the store is opened again.
func (workspace *workspace) write(function func(turn turn, database *sql.DB) error) error {
	return workspace.use(func(turn turn, database *sql.DB) error {
		err := function(turn, database)
		if err == nil {
			return nil
		}
		err = workspaceFailure(err)
		if errors.Is(err, failure.ErrOutcomeUnknown) {
			turn.state.gone = fmt.Errorf("%w: the workspace rests until the store is opened again: %s", failure.ErrUnavailable, err.Error())
		}
		return err
	})
}

// put adds an entry for a request, whose answer is remembered with it.
func (workspace *workspace) put(request fileRequest, kind, data string) (outcome Outcome, err error) {
	host := workspace.workspaces.host
	entry, limits := workspaceEntry{kind: kind, data: data, createdAt: host.Now()}, host.Limits()
	err = workspace.write(func(turn turn, database *sql.DB) error {
		err := inTransaction(database, func(transaction *sql.Tx) error {
			outcome, err = request.answeredIn(transaction, func() (Outcome, error) {
				if err := turn.admit(transaction, kind, limits); err != nil {
					return Outcome{}, err
				}
				entries, err := entry.insertIn(transaction)
				return Outcome{Entries: entries}, err
			})
			return err
		})
		if err == nil && !outcome.Replayed {
			turn.file.entries.Store(outcome.Entries)
			turn.admitted(kind, limits)
		}
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	return outcome, nil
}

// summary returns how many entries there are of each kind.
func (workspace *workspace) summary() (summary map[string]int64, err error) {
	err = workspace.use(func(_ turn, database *sql.DB) error {
		summary, err = summariseWorkspace(database)
		return err
	})
	return summary, err
}

// failure says which workspace an error is about.
func (workspace *workspace) failure(err error) error {
	return namedFailure(workspace.name(), err)
}

func namedFailure(workspace string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("workspace %q: %w", workspace, err)
}
