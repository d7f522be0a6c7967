// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"errors"
	"fmt"
	"sync/atomic"

	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// Workspace is a workspace for a caller, until the caller closes it. Any number of goroutines may
// use it.
type Workspace struct {
	workspaces *Workspaces
	run        *run
	closed     atomic.Bool
}

// Name is the name of the workspace within its namespace.
func (workspace *Workspace) Name() string { return workspace.run.Name.Workspace }

// Path is the path of the file.
func (workspace *Workspace) Path() string { return workspace.run.Path() }

// Close refuses further calls of this caller. The workspace goes on.
func (workspace *Workspace) Close() { workspace.closed.Store(true) }

// takeTurn waits for the turn of the run. If the workspace cannot be used, it returns why.
func (workspace *Workspace) takeTurn() (turn, error) {
	taken := workspace.run.takeTurn()
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
func (workspace *Workspace) use(function func(turn turn, database *workspacefile.Database) error) error {
	turn, err := workspace.takeTurn()
	if err != nil {
		return err
	}
	defer turn.giveBack()
	return workspace.workspaces.pool.use(turn, func(database *workspacefile.Database) error { return function(turn, database) })
}

// write is use for a change of the database. After an unknown outcome there are no more writes:
// the file is read again when the store is opened again.
func (workspace *Workspace) write(function func(turn turn, database *workspacefile.Database) error) error {
	if err := workspace.workspaces.config.Host.Forbids(); err != nil {
		return err
	}
	return workspace.use(func(turn turn, database *workspacefile.Database) error {
		err := function(turn, database)
		if err == nil {
			return nil
		}
		err = workspacefile.Failure(err)
		if errors.Is(err, failure.ErrOutcomeUnknown) {
			turn.state.gone = fmt.Errorf("%w: the workspace rests until the store is opened again: %s", failure.ErrUnavailable, err.Error())
		}
		return err
	})
}

// Put adds an entry, and returns the new number of entries.
func (workspace *Workspace) Put(kind string, data any) (entries int64, err error) {
	encoded, err := workspace.workspaces.config.encode(kind, data)
	if err != nil {
		return 0, err
	}
	outcome, err := workspace.put(fileRequest{}, kind, encoded)
	return outcome.Entries, err
}

// encode checks the kind of an entry, and returns its data as JSON.
func (config *Config) encode(kind string, data any) (string, error) {
	if err := config.Host.CheckKind(kind); err != nil {
		return "", err
	}
	return workspacefile.EncodeData(data)
}

// put adds an entry for a request, whose answer is remembered with it.
func (workspace *Workspace) put(request fileRequest, kind, data string) (outcome commands.Outcome, err error) {
	host := workspace.workspaces.config.Host
	entry, limits := workspacefile.Entry{Kind: kind, Data: data, CreatedAt: host.Now()}, host.Limits()
	workspaces := workspace.workspaces
	err = workspace.write(func(turn turn, database *workspacefile.Database) error {
		full := workspaces.admitEntry(turn, database, int64(len(kind)+len(data)))
		defer workspaces.usage.measure(turn.run)
		err := database.Change(func(transaction *workspacefile.Transaction) error {
			outcome, err = request.answeredIn(transaction, func() (commands.Outcome, error) {
				if full != nil {
					return commands.Outcome{}, full
				}
				if err := turn.admit(host, transaction, kind, limits); err != nil {
					return commands.Outcome{}, err
				}
				entries, err := transaction.Insert(entry)
				return commands.Outcome{Entries: entries}, err
			})
			return err
		})
		if err == nil && !outcome.Replayed {
			turn.run.entries.Store(outcome.Entries)
			turn.admitted(kind, limits)
		}
		return err
	})
	if err != nil {
		return commands.Outcome{}, err
	}
	return outcome, nil
}

// Summary returns how many entries there are of each kind.
func (workspace *Workspace) Summary() (summary map[string]int64, err error) {
	err = workspace.use(func(_ turn, database *workspacefile.Database) error {
		summary, err = database.Summary()
		return err
	})
	return summary, err
}

// Failure says which workspace an error is about.
func (workspace *Workspace) Failure(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("workspace %q: %w", workspace.Name(), err)
}
