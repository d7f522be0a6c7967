// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"dappco.re/go/storebus/store/internal/kv"
)

// workAtOnce is the number of pieces of work on workspaces that run at once for callers that do
// not wait, at most half of them for one namespace. Others wait.
const workAtOnce = 16

// WorkspaceCommand is a write to a workspace, as data: OpenWorkspaceCommand,
// PutWorkspaceCommand, CommitWorkspaceCommand or DiscardWorkspaceCommand.
type WorkspaceCommand interface {
	// namespace is the namespace of the workspace, empty for none.
	namespace() string
	// ends reports whether the command ends the workspace, in a commit of the store.
	ends() bool
	// carryOut carries the command out and answers the request in the same transaction.
	carryOut(store *Store, request Request) (Outcome, error)
}

// OpenWorkspaceCommand is Store.OpenWorkspace, as data. The Outcome has Created and the number
// of Entries.
//
//	store.OpenWorkspaceCommand{Namespace: "acme", Workspace: "import-42"}
type OpenWorkspaceCommand struct {
	Namespace string
	Workspace string
}

// PutWorkspaceCommand is Workspace.Add, as data. Data is JSON, and is kept as it is. The
// Outcome has the new number of Entries.
//
//	store.PutWorkspaceCommand{Namespace: "acme", Workspace: "import-42", Kind: "row", Data: json.RawMessage(`{"sku":"A-17"}`)}
type PutWorkspaceCommand struct {
	Namespace string
	Workspace string
	Kind      string
	Data      json.RawMessage
}

// CommitWorkspaceCommand is Workspace.Commit, as data. The Outcome has Summary, Revision and
// EntryID.
//
//	store.CommitWorkspaceCommand{Namespace: "acme", Workspace: "import-42"}
type CommitWorkspaceCommand struct {
	Namespace string
	Workspace string
	// TraceParent is passed to the event of the summary.
	TraceParent string
}

// DiscardWorkspaceCommand is Workspace.Discard, as data.
//
//	store.DiscardWorkspaceCommand{Namespace: "acme", Workspace: "import-42"}
type DiscardWorkspaceCommand struct {
	Namespace string
	Workspace string
}

// SubmitWorkspace carries out a write to a workspace without waiting. It calls done once,
// before SubmitWorkspace returns or later from a goroutine of the store. A few writes are
// carried out at once, in turns of the namespaces. A request waits while another request with
// the same id runs. Ids are shared by all workspaces and all other commands of the namespace,
// see Request. All commands but OpenWorkspaceCommand return ErrNotFound for a missing
// workspace.
//
//	store.SubmitWorkspace(store.Request{Namespace: "acme", ID: "4Xr9", Digest: digest, Answer: encode},
//		store.CommitWorkspaceCommand{Namespace: "acme", Workspace: "import-42"}, func(outcome store.Outcome, err error) { … })
func (store *Store) SubmitWorkspace(request Request, command WorkspaceCommand, done func(Outcome, error)) {
	if err := checkCommand(command); err != nil {
		fail(done, err)
		return
	}
	submitWork(store, command.namespace(), func() (Outcome, error) { return store.carryOutOnce(request, command) }, done)
}

// submitWork has work done that takes a while, in turns of namespaces.
func submitWork[Result any](store *Store, namespace string, work func() (Result, error), done func(Result, error)) {
	err := store.startBackground(func() {
		place := store.workspaces.work.lineUp(namespace)
		result, err := workInPlace(store, place, work)
		place.leave()
		tell(done, result, err)
	})
	if err != nil {
		fail(done, err)
	}
}

func workInPlace[Result any](store *Store, place *ticket, work func() (Result, error)) (result Result, err error) {
	select {
	case <-place.admitted:
		return work()
	case <-store.stopped:
		return result, kv.ErrClosed
	}
}

// carryOutOnce carries a command out, unless the request has an id that was answered.
func (store *Store) carryOutOnce(request Request, command WorkspaceCommand) (Outcome, error) {
	if request.ID == "" {
		return command.carryOut(store, request)
	}
	defer store.workspaces.requests.begin(requestName{namespace: request.Namespace, id: request.ID})()
	// The store then also knows the answers that only the files remembered.
	if err := store.workspaces.load(); err != nil {
		return Outcome{}, err
	}
	if command.ends() {
		return store.endOnce(request, command)
	}
	earlier, err := store.recall(&request)
	if err != nil {
		return Outcome{}, err
	}
	if earlier != nil {
		return request.replay(earlier)
	}
	return command.carryOut(store, request)
}

// endOnce carries out a command whose commit looks the id up itself. If the command does not
// come to its commit, because its workspace has ended, the store may still know the id.
func (store *Store) endOnce(request Request, command WorkspaceCommand) (Outcome, error) {
	outcome, err := command.carryOut(store, request)
	if err == nil {
		return outcome, nil
	}
	if earlier, recallErr := store.recall(&request); recallErr == nil && earlier != nil {
		return request.replay(earlier)
	}
	return Outcome{}, err
}

func (command OpenWorkspaceCommand) namespace() string { return command.Namespace }

func (OpenWorkspaceCommand) ends() bool { return false }

func (command OpenWorkspaceCommand) carryOut(store *Store, request Request) (Outcome, error) {
	outcome, err := store.openForRequest(request, workspaceName{namespace: command.Namespace, name: command.Workspace})
	if err != nil {
		return Outcome{}, fmt.Errorf("store.OpenWorkspace: namespace %q workspace %q: %w", command.Namespace, command.Workspace, err)
	}
	return outcome, nil
}

// openForRequest opens a workspace. An existing workspace tells whether this request made it,
// before a crash.
func (store *Store) openForRequest(request Request, name workspaceName) (Outcome, error) {
	outcome, err := request.answered(Outcome{Created: true})
	if err != nil {
		return Outcome{}, err
	}
	file, created, err := store.workspaces.open(name, request.given(&outcome), request.at)
	if err != nil {
		return Outcome{}, err
	}
	if !created {
		outcome, err = store.workspaces.answerOpened(file, request)
	}
	file.turn.Unlock()
	if err != nil {
		return Outcome{}, err
	}
	store.remember(request.given(&outcome))
	return outcome, nil
}

// answerOpened answers a request that has opened a workspace which was there, and whose
// turn the caller has.
func (workspaces *workspaces) answerOpened(file *workspaceFile, request Request) (outcome Outcome, err error) {
	var earlier *answer
	if request.ID != "" {
		err = workspaces.pool.use(file, func(database *sql.DB) error {
			earlier, err = request.findIn(database)
			return err
		})
	}
	switch {
	case err != nil:
		return Outcome{}, err
	case earlier != nil:
		return request.replay(earlier)
	default:
		return request.answered(Outcome{Entries: file.entries.Load()})
	}
}

func (command PutWorkspaceCommand) namespace() string { return command.Namespace }

func (PutWorkspaceCommand) ends() bool { return false }

func (command PutWorkspaceCommand) carryOut(store *Store, request Request) (Outcome, error) {
	data, err := encodeWorkspaceEntry(command.Kind, command.Data)
	if err != nil {
		return Outcome{}, err
	}
	workspace, err := store.FindWorkspace(command.Namespace, command.Workspace)
	if err != nil {
		return Outcome{}, err
	}
	outcome, err := workspace.put(request, command.Kind, data)
	if err != nil {
		return Outcome{}, workspace.failure(err)
	}
	store.remember(request.given(&outcome))
	return outcome, nil
}

func (command CommitWorkspaceCommand) namespace() string { return command.Namespace }

func (CommitWorkspaceCommand) ends() bool { return true }

func (command CommitWorkspaceCommand) carryOut(store *Store, request Request) (Outcome, error) {
	workspace, err := store.FindWorkspace(command.Namespace, command.Workspace)
	if err != nil {
		return Outcome{}, err
	}
	outcome, _, err := workspace.commit(request, origin{}, command.TraceParent)
	if err != nil {
		return Outcome{}, workspace.failure(err)
	}
	return outcome, nil
}

func (command DiscardWorkspaceCommand) namespace() string { return command.Namespace }

func (DiscardWorkspaceCommand) ends() bool { return true }

func (command DiscardWorkspaceCommand) carryOut(store *Store, request Request) (Outcome, error) {
	workspace, err := store.FindWorkspace(command.Namespace, command.Workspace)
	if err != nil {
		return Outcome{}, err
	}
	outcome, err := workspace.discard(request)
	if err != nil {
		return Outcome{}, workspace.failure(err)
	}
	return outcome, nil
}

// SubmitWorkspaceAggregate is Workspace.Aggregate without waiting, as SubmitWorkspace.
func (store *Store) SubmitWorkspaceAggregate(namespace, name string, done func(map[string]int64, error)) {
	submitWork(store, namespace, func() (map[string]int64, error) {
		workspace, err := store.FindWorkspace(namespace, name)
		if err != nil {
			return nil, err
		}
		return workspace.summary()
	}, done)
}

// SubmitWorkspaces is GetWorkspaces without waiting, as SubmitWorkspace.
func (store *Store) SubmitWorkspaces(query WorkspacesQuery, done func(WorkspacesPage, error)) {
	submitWork(store, query.Namespace, func() (WorkspacesPage, error) { return store.GetWorkspaces(query) }, done)
}

// WorkspaceQuery is a query of a workspace, as data.
//
//	store.WorkspaceQuery{Namespace: "acme", Workspace: "import-42", SQL: "SELECT count(*) FROM entries", Limit: 1}
type WorkspaceQuery struct {
	Namespace string
	Workspace string
	// SQL is as Workspace.Query takes it.
	SQL string
	// Limit is 1 to MaxQueryRows.
	Limit int
}

// SubmitWorkspaceQuery is Workspace.QueryLimit without waiting. It calls done once, before
// SubmitWorkspaceQuery returns or later from a goroutine of the store. Queries wait for each
// other, in turns of their namespaces. Nothing else waits for them.
func (store *Store) SubmitWorkspaceQuery(query WorkspaceQuery, done func(QueryRows, error)) {
	err := store.startBackground(func() {
		workspace, err := store.FindWorkspace(query.Namespace, query.Workspace)
		var rows QueryRows
		if err == nil {
			if rows, err = workspace.query(query.SQL, query.Limit); err != nil {
				err = workspace.failure(err)
			}
		}
		tell(done, rows, err)
	})
	if err != nil {
		fail(done, err)
	}
}
