// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/workspace"
)

// choreArchives is the name of the chore that removes the rows that are in an archive.
const choreArchives = "removing archived journal entries"

// newChores returns the chores of the journal and of workspaces.
func newChores() []engine.Chore {
	return []engine.Chore{
		{
			Name: choreArchives,
			Due:  func(committer *engine.Committer) bool { return journal.Of(committer.Tables()).Archives.RemovalsWait() },
			Slice: func(committer *engine.Committer, ended func(error)) {
				written, err := journal.Of(committer.Tables()).Archives.Remove(committer.Unsynced)
				committer.Written(written)
				ended(err)
			},
		},
		{
			Name:     "forgetting ended workspaces",
			WhenIdle: true,
			Due:      func(committer *engine.Committer) bool { return workspace.RunsOf(committer.Tables()).MarksAreLeft() },
			Slice: func(committer *engine.Committer, ended func(error)) {
				committer.Commit(workspace.RemoveMarks{}, ended)
			},
		},
	}
}
