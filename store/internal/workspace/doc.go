// SPDX-License-Identifier: EUPL-1.2

// Package workspace has the workspaces of a store: which there are by name, who uses one and when,
// how many connections and queries there are at once, and how a workspace ends. Package
// workspacefile has their files.
//
// The workspaces reach the store through a Host alone. They know neither the committer nor the
// journal.
//
// Any number of goroutines may use Workspaces and a Workspace. Type Workspaces has the order of all
// locks. Runs, the table of the runs that have ended, belongs to the owner of the committer, with
// the commands that change it. Both sides share one list, of marks that are to be removed.
package workspace
