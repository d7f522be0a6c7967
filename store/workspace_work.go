// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql"
	"encoding/json"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
)

// workAtOnce is the number of pieces of work on workspaces that run at once for callers that do
// not wait, at most half of them for one namespace. Others wait.
const workAtOnce = 16

// workInPlace does work when it is the turn of its namespace.
func workInPlace[Result any](workspaces *workspaces, namespace string, work func() (Result, error)) (result Result, err error) {
	leave, err := workspaces.work.Enter(namespace)
	if err != nil {
		return result, err
	}
	defer leave()
	return work()
}

// openFor opens a workspace for a request. An existing workspace tells whether this request made
// it, before a crash.
func (workspaces *workspaces) openFor(request fileRequest, name workspaceName) (Outcome, error) {
	outcome, err := commands.WithAnswer(&request.Request, Outcome{Created: true})
	if err != nil {
		return Outcome{}, name.failure("store.OpenWorkspace", err)
	}
	turn, created, err := workspaces.openFile(name, commands.Given(&request.Request, &outcome), request.at)
	if err != nil {
		return Outcome{}, name.failure("store.OpenWorkspace", err)
	}
	defer turn.giveBack()
	if created {
		return outcome, nil
	}
	outcome, err = workspaces.answerOpened(turn, request)
	return outcome, name.failure("store.OpenWorkspace", err)
}

// answerOpened answers a request that has opened an existing workspace.
func (workspaces *workspaces) answerOpened(turn turn, request fileRequest) (outcome Outcome, err error) {
	var earlier *batch.Answer
	if request.ID != "" {
		err = workspaces.pool.use(turn, func(database *sql.DB) error {
			earlier, err = request.findIn(database)
			return err
		})
	}
	switch {
	case err != nil:
		return Outcome{}, err
	case earlier != nil:
		return commands.Repeat(&request.Request, earlier)
	default:
		return commands.WithAnswer(&request.Request, Outcome{Entries: turn.file.entries.Load()})
	}
}

// putFor adds an entry to a workspace for a request.
func (workspaces *workspaces) putFor(request fileRequest, name workspaceName, kind string, data json.RawMessage) (Outcome, error) {
	encoded, err := encodeWorkspaceEntry(kind, data)
	if err != nil {
		return Outcome{}, err
	}
	workspace, err := workspaces.find(name)
	if err != nil {
		return Outcome{}, err
	}
	outcome, err := workspace.put(request, kind, encoded)
	return outcome, workspace.failure(err)
}
