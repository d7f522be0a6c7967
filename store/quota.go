// SPDX-License-Identifier: EUPL-1.2

package store

// Usage has the usage and the quota of a namespace.
type Usage struct {
	Quota  Quota
	Keys   int64
	Groups int64
	Bytes  int64
	// JournalBytes, WorkspaceBytes and LogBytes are what MaxJournalBytes, MaxWorkspaceBytes and
	// MaxLogBytes of the quota bound.
	JournalBytes   int64
	WorkspaceBytes int64
	LogBytes       int64
	// Revision is the revision of the namespace at that point, 0 if nothing was ever written.
	Revision uint64
}

// changeTo is the change that gives a namespace this quota.
func changeTo(quota *Quota) QuotaChange {
	return QuotaChange{
		MaxKeys: &quota.MaxKeys, MaxGroups: &quota.MaxGroups, MaxBytes: &quota.MaxBytes, MaxValueBytes: &quota.MaxValueBytes,
		MaxJournalBytes: &quota.MaxJournalBytes, MaxWorkspaceBytes: &quota.MaxWorkspaceBytes, MaxLogBytes: &quota.MaxLogBytes,
	}
}
