// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"encoding/json"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// OpenFor opens a workspace for a request. The Outcome has Created and the number of Entries.
func (workspaces *Workspaces) OpenFor(request commands.Request, name workspacefile.Name) (commands.Outcome, error) {
	return workspaces.once(request, func(request fileRequest) (commands.Outcome, error) {
		outcome, err := workspaces.openFor(request, name)
		return outcome, name.Failure("store.OpenWorkspace", err)
	})
}

// openFor opens a workspace. An existing workspace tells whether this request made it, before a
// crash.
func (workspaces *Workspaces) openFor(request fileRequest, name workspacefile.Name) (commands.Outcome, error) {
	outcome, err := commands.WithAnswer(&request.Request, commands.Outcome{Created: true})
	if err != nil {
		return commands.Outcome{}, err
	}
	turn, created, err := workspaces.openRun(name, commands.Given(&request.Request, &outcome), request.at)
	if err != nil {
		return commands.Outcome{}, err
	}
	defer turn.giveBack()
	if created {
		return outcome, nil
	}
	return workspaces.answerOpened(turn, request)
}

// answerOpened answers a request that has opened an existing workspace.
func (workspaces *Workspaces) answerOpened(turn turn, request fileRequest) (outcome commands.Outcome, err error) {
	var earlier *batch.Answer
	if request.ID != "" {
		err = workspaces.pool.use(turn, func(database *workspacefile.Database) error {
			earlier, err = request.findIn(database)
			return err
		})
	}
	switch {
	case err != nil:
		return commands.Outcome{}, err
	case earlier != nil:
		return commands.Repeat(&request.Request, earlier)
	default:
		return commands.WithAnswer(&request.Request, commands.Outcome{Entries: turn.run.entries.Load()})
	}
}

// PutFor adds an entry to a workspace for a request. The Outcome has the new number of Entries.
func (workspaces *Workspaces) PutFor(request commands.Request, name workspacefile.Name, kind string, data json.RawMessage) (commands.Outcome, error) {
	return workspaces.once(request, func(request fileRequest) (commands.Outcome, error) {
		encoded, err := workspaces.config.encode(kind, data)
		if err != nil {
			return commands.Outcome{}, err
		}
		workspace, err := workspaces.Find(name)
		if err != nil {
			return commands.Outcome{}, err
		}
		outcome, err := workspace.put(request, kind, encoded)
		return outcome, workspace.Failure(err)
	})
}

// CommitFor commits a workspace for a request. The Outcome has Summary, Revision and EntryID.
func (workspaces *Workspaces) CommitFor(request commands.Request, name workspacefile.Name, traceParent string) (commands.Outcome, error) {
	return workspaces.endOnce(request, name, func(workspace *Workspace) (commands.Outcome, error) {
		return workspace.commit(workspaces.config.Host, request, traceParent)
	})
}

// DiscardFor discards a workspace for a request.
func (workspaces *Workspaces) DiscardFor(request commands.Request, name workspacefile.Name) (commands.Outcome, error) {
	return workspaces.endOnce(request, name, func(workspace *Workspace) (commands.Outcome, error) {
		return workspace.discard(workspaces.config.Host, request)
	})
}

// Summary returns the number of entries of each kind in a workspace.
func (workspaces *Workspaces) Summary(name workspacefile.Name) (map[string]int64, error) {
	workspace, err := workspaces.Find(name)
	if err != nil {
		return nil, err
	}
	summary, err := workspace.Summary()
	return summary, workspace.Failure(err)
}

// Query answers a query of a workspace.
func (workspaces *Workspaces) Query(name workspacefile.Name, query string, limit int) (workspacefile.Rows, error) {
	workspace, err := workspaces.Find(name)
	if err != nil {
		return workspacefile.Rows{}, err
	}
	rows, err := workspace.Query(query, limit)
	return rows, workspace.Failure(err)
}
