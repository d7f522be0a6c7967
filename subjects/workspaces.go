// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The limits of workspaces.
const (
	// MaxWorkspaceBytes is the longest name of a workspace.
	MaxWorkspaceBytes = 128
	// MaxKindBytes is the longest kind of an entry of a workspace.
	MaxKindBytes = 128
)

// CheckWorkspace returns ErrBadRequest, with the field "workspace", unless the name is 1
// to 128 of the characters A-Z a-z 0-9 . _ -, begins with a letter or a digit, and has no
// two dots in a row.
//
//	err := subjects.CheckWorkspace("import-42")
func CheckWorkspace(workspace string) error {
	switch {
	case workspace == "" || len(workspace) > MaxWorkspaceBytes:
		return BadField("workspace", fmt.Sprintf("workspace is 1 to %d characters, not %d", MaxWorkspaceBytes, len(workspace)))
	case strings.ContainsFunc(workspace, isNoWorkspaceLetter):
		return BadField("workspace", fmt.Sprintf("workspace %s: letters a to z and A to Z, digits and . _ - only", quote(workspace)))
	case strings.ContainsAny(workspace[:1], "._-"):
		return BadField("workspace", fmt.Sprintf("workspace %s: it begins with a letter or a digit", quote(workspace)))
	case strings.Contains(workspace, ".."):
		return BadField("workspace", fmt.Sprintf("workspace %s: no two dots in a row", quote(workspace)))
	}
	return nil
}

func isNoWorkspaceLetter(letter rune) bool {
	return letter >= utf8.RuneSelf || letter != '.' && letter != '_' && !isNamespaceByte(byte(letter))
}

func checkKind(kind string) error { return checkName("kind", kind, MaxKindBytes) }

// WorkspaceName names a workspace of a namespace.
type WorkspaceName struct {
	Workspace *string `json:"workspace,omitzero" required:"true"`
}

// Check implements Request.
func (name WorkspaceName) Check() error {
	return checkRequired("workspace", name.Workspace, CheckWorkspace)
}

// WorkspaceOpenRequest opens a workspace, and creates it if it does not exist.
type WorkspaceOpenRequest struct {
	WorkspaceName
}

// WorkspaceOpenReply is the reply to a workspace_open: whether the workspace was created,
// and its number of entries.
type WorkspaceOpenReply struct {
	Workspace string `json:"workspace"`
	Created   bool   `json:"created"`
	Entries   uint64 `json:"entries"`
}

// WorkspacePutRequest adds an entry to a workspace. Data is any JSON but null; null
// counts as left out.
type WorkspacePutRequest struct {
	WorkspaceName
	Kind *string        `json:"kind,omitzero" required:"true"`
	Data jsontext.Value `json:"data,omitzero" required:"true"`
}

// Check implements Request. The store checks the kind further.
func (request WorkspacePutRequest) Check() error {
	if err := cmp.Or(request.WorkspaceName.Check(), checkRequired("kind", request.Kind, checkKind)); err != nil {
		return err
	}
	if request.Data == nil || request.Data.Kind() == 'n' {
		return BadField("data", "data is required: any JSON but null")
	}
	return nil
}

// WorkspacePutReply is the reply to a workspace_put: the number of entries after it.
type WorkspacePutReply struct {
	Entries uint64 `json:"entries"`
}

// WorkspaceAggregateRequest asks for the number of entries of each kind in a workspace.
type WorkspaceAggregateRequest struct {
	WorkspaceName
}

// WorkspaceAggregateReply is the reply to a workspace_aggregate.
type WorkspaceAggregateReply struct {
	Summary map[string]uint64 `json:"summary"`
}

// WorkspaceCommitRequest ends a workspace and keeps its summary.
type WorkspaceCommitRequest struct {
	WorkspaceName
}

// WorkspaceCommitReply is the reply to a workspace_commit. EntryID is the entry of the
// journal, 0 if the workspace had no entries. Revision is the revision at which the
// summary was set.
type WorkspaceCommitReply struct {
	EntryID  uint64            `json:"entry_id,omitzero"`
	Summary  map[string]uint64 `json:"summary"`
	Revision uint64            `json:"revision"`
}

// WorkspaceDiscardRequest ends a workspace and keeps nothing.
type WorkspaceDiscardRequest struct {
	WorkspaceName
}

// WorkspaceDiscardReply is the reply to a workspace_discard.
type WorkspaceDiscardReply struct {
	Discarded bool `json:"discarded"`
}

// WorkspacesRequest asks for a page of the workspaces of a namespace, in byte order of
// their names.
type WorkspacesRequest struct {
	After *string `json:"after,omitzero"`
	Limit *int    `json:"limit,omitzero"`
}

// Check implements Request.
func (request WorkspacesRequest) Check() error { return checkOptional(request.Limit, checkLimit) }

// WorkspacesReply is one page of workspaces. Pass Next as After to get the next page. An
// empty Next ends the list.
type WorkspacesReply struct {
	Workspaces []WorkspaceStatus `json:"workspaces"`
	Next       string            `json:"next,omitzero"`
}

// WorkspaceStatus is one workspace. Orphaned says that nobody has opened it since the
// sidecar was started.
type WorkspaceStatus struct {
	Workspace string    `json:"workspace"`
	Entries   uint64    `json:"entries"`
	OpenedAt  time.Time `json:"opened_at"`
	Orphaned  bool      `json:"orphaned"`
}
