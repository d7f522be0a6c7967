// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"fmt"
	"iter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"dappco.re/go/storebus/subjects"
)

// WorkspaceOptions are the options of writes to a workspace.
type WorkspaceOptions struct {
	// MessageID is as in SetOptions.
	MessageID string
}

// WorkspaceOpen opens a workspace, and creates it if there is none of that name. A name
// is 1 to 128 letters, digits, '.', '_' and '-'. It begins with a letter or a digit, and
// has no two dots in a row. WorkspaceOpen returns subjects.ErrQuotaExceeded if the
// namespace has 1,000 workspaces already.
//
//	reply, err := store.WorkspaceOpen(ctx, "acme", "import-42", client.WorkspaceOptions{}) // reply.Created
func (client *Client) WorkspaceOpen(ctx context.Context, namespace, workspace string, options WorkspaceOptions) (subjects.WorkspaceOpenReply, error) {
	return exchange[subjects.WorkspaceOpenReply](ctx, client, write("WorkspaceOpen", namespace, subjects.VerbWorkspaceOpen,
		subjects.WorkspaceOpenRequest{WorkspaceName: workspaceName(workspace)}, options.MessageID))
}

// WorkspacePut adds an entry of a kind to a workspace, and returns the number of its
// entries. Data is any value that github.com/go-json-experiment/json encodes, 1 MiB of
// JSON at most; a jsontext.Value is JSON already. It returns subjects.ErrNotFound for a
// missing workspace.
//
//	reply, err := store.WorkspacePut(ctx, "acme", "import-42", "row", map[string]any{"sku": "A-17", "stock": 4}, client.WorkspaceOptions{})
func (client *Client) WorkspacePut(ctx context.Context, namespace, workspace, kind string, data any, options WorkspaceOptions) (subjects.WorkspacePutReply, error) {
	const method = "WorkspacePut"
	encoded, err := json.Marshal(data)
	if err != nil {
		return subjects.WorkspacePutReply{}, named(method, subjects.BadField("data", noJSON(data, err)))
	}
	return exchange[subjects.WorkspacePutReply](ctx, client, write(method, namespace, subjects.VerbWorkspacePut,
		subjects.WorkspacePutRequest{WorkspaceName: workspaceName(workspace), Kind: &kind, Data: encoded}, options.MessageID))
}

// noJSON says why data cannot be sent.
func noJSON(data any, err error) string {
	if text, ok := data.(jsontext.Value); ok {
		return fmt.Sprintf("data is no JSON: %q; a text stands in double quotes, and so do the names of an object", text)
	}
	return "data cannot be encoded as JSON: " + err.Error()
}

// WorkspaceAggregate returns the number of entries of each kind. It returns
// subjects.ErrNotFound for a missing workspace.
//
//	summary, err := store.WorkspaceAggregate(ctx, "acme", "import-42") // {"row": 41, "warning": 2}
func (client *Client) WorkspaceAggregate(ctx context.Context, namespace, workspace string) (map[string]uint64, error) {
	reply, err := exchange[subjects.WorkspaceAggregateReply](ctx, client, call{
		method: "WorkspaceAggregate", namespace: namespace, verb: subjects.VerbWorkspaceAggregate,
		body: subjects.WorkspaceAggregateRequest{WorkspaceName: workspaceName(workspace)},
	})
	return reply.Summary, err
}

// WorkspaceQueryOptions are the options of WorkspaceQuery.
type WorkspaceQueryOptions struct {
	// Limit is the most rows of the reply, 1 to 1,000. 0: 100.
	Limit int
}

// WorkspaceRows is the result of WorkspaceQuery.
type WorkspaceRows struct {
	Columns []string
	// Rows are lists in the order of Columns. A value is nil, an int64, a float64, a
	// string or a []byte. Text that is not UTF-8 is a []byte too.
	Rows [][]any
	// Truncated says that there were more rows.
	Truncated bool
}

// WorkspaceQuery runs one SELECT over the table entries(id, kind, data, created_at) of a
// workspace. It returns
//
//   - subjects.ErrBadRequest for SQL that is not allowed;
//   - subjects.ErrDeadlineExceeded after a second;
//   - subjects.ErrTooLarge for more than 100,000 bytes of SQL, 1 MiB of result or too
//     much memory.
//
// For example:
//
//	rows, err := store.WorkspaceQuery(ctx, "acme", "import-42", "SELECT data ->> 'sku' FROM entries", client.WorkspaceQueryOptions{})
func (client *Client) WorkspaceQuery(ctx context.Context, namespace, workspace, sql string, options WorkspaceQueryOptions) (WorkspaceRows, error) {
	const method = "WorkspaceQuery"
	reply, err := exchange[subjects.WorkspaceQueryReply](ctx, client, call{
		method: method, namespace: namespace, verb: subjects.VerbWorkspaceQuery,
		body: subjects.WorkspaceQueryRequest{WorkspaceName: workspaceName(workspace), SQL: &sql, Limit: given(options.Limit)},
	})
	if err != nil {
		return WorkspaceRows{}, err
	}
	rows, err := reply.Values()
	if err != nil {
		return WorkspaceRows{}, named(method, fmt.Errorf("%w: %w", errMalformed, err))
	}
	return WorkspaceRows{Columns: reply.Columns, Rows: rows, Truncated: reply.Truncated}, nil
}

// WorkspaceCommit ends a workspace and keeps its summary: the number of entries of each
// kind. In one transaction, the summary goes into the journal and under the key "summary"
// of the group "workspace:import-42". The entries are gone afterwards.
//
//	reply, err := store.WorkspaceCommit(ctx, "acme", "import-42", client.WorkspaceOptions{}) // reply.Summary
func (client *Client) WorkspaceCommit(ctx context.Context, namespace, workspace string, options WorkspaceOptions) (subjects.WorkspaceCommitReply, error) {
	return exchange[subjects.WorkspaceCommitReply](ctx, client, write("WorkspaceCommit", namespace, subjects.VerbWorkspaceCommit,
		subjects.WorkspaceCommitRequest{WorkspaceName: workspaceName(workspace)}, options.MessageID))
}

// WorkspaceDiscard ends a workspace and keeps nothing. It returns subjects.ErrNotFound
// for a missing workspace.
//
//	err := store.WorkspaceDiscard(ctx, "acme", "import-42", client.WorkspaceOptions{})
func (client *Client) WorkspaceDiscard(ctx context.Context, namespace, workspace string, options WorkspaceOptions) error {
	_, err := exchange[subjects.WorkspaceDiscardReply](ctx, client, write("WorkspaceDiscard", namespace, subjects.VerbWorkspaceDiscard,
		subjects.WorkspaceDiscardRequest{WorkspaceName: workspaceName(workspace)}, options.MessageID))
	return err
}

// WorkspacesOptions selects the workspaces that Workspaces lists. The zero value lists
// from the first workspace on.
type WorkspacesOptions struct {
	// After is the Next of the page before. Empty: the first page.
	After string
	// Limit is the most workspaces of a page, 1 to 1,000. 0: 100.
	Limit int
}

// Workspaces returns one page of the workspaces of a namespace, in byte order of their
// names. Pass the page's Next as options.After to get the next page.
//
//	page, err := store.Workspaces(ctx, "acme", client.WorkspacesOptions{})
func (client *Client) Workspaces(ctx context.Context, namespace string, options WorkspacesOptions) (subjects.WorkspacesReply, error) {
	return client.workspaces(ctx, "Workspaces", namespace, options)
}

// WorkspacesAll returns every workspace, page by page. An error ends the loop. See
// ListAll.
//
//	for workspace, err := range store.WorkspacesAll(ctx, "acme", client.WorkspacesOptions{}) {
func (client *Client) WorkspacesAll(ctx context.Context, namespace string, options WorkspacesOptions) iter.Seq2[subjects.WorkspaceStatus, error] {
	return pages(options.After, func(after string) ([]subjects.WorkspaceStatus, string, error) {
		options.After = after
		page, err := client.workspaces(ctx, "WorkspacesAll", namespace, options)
		return page.Workspaces, page.Next, err
	})
}

func (client *Client) workspaces(ctx context.Context, method, namespace string, options WorkspacesOptions) (subjects.WorkspacesReply, error) {
	return exchange[subjects.WorkspacesReply](ctx, client, call{
		method: method, namespace: namespace, verb: subjects.VerbWorkspaces,
		body: subjects.WorkspacesRequest{After: given(options.After), Limit: given(options.Limit)},
	})
}

func workspaceName(workspace string) subjects.WorkspaceName {
	return subjects.WorkspaceName{Workspace: &workspace}
}
