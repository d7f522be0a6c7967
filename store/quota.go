// SPDX-License-Identifier: EUPL-1.2

package store

// Usage has the usage and the quota of a namespace.
type Usage struct {
	Quota  Quota
	Keys   int64
	Groups int64
	Bytes  int64
	// JournalBytes and WorkspaceBytes are what MaxJournalBytes and MaxWorkspaceBytes of the quota
	// bound.
	JournalBytes   int64
	WorkspaceBytes int64
	// Revision is the revision of the namespace at that point, 0 if nothing was ever written.
	Revision uint64
}
