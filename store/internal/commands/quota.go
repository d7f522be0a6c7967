// SPDX-License-Identifier: EUPL-1.2

package commands

import (
	"fmt"

	"dappco.re/go/storebus/store/internal/batch"
)

// QuotaChange changes limits of a quota; nil leaves a limit as it is.
//
//	store.QuotaChange{MaxKeys: &maxKeys}
type QuotaChange struct {
	MaxKeys           *int64
	MaxGroups         *int64
	MaxBytes          *int64
	MaxValueBytes     *int64
	MaxJournalBytes   *int64
	MaxWorkspaceBytes *int64
	MaxLogBytes       *int64
}

// ChangeQuota is the command that changes the quota of a namespace.
type ChangeQuota struct {
	Namespace string
	Change    QuotaChange
	// Quota is the result.
	Quota batch.Quota
}

// Apply implements Command.
func (command *ChangeQuota) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	before := batch.Quota(command.Namespace)
	changed, err := QuotaAfter(command.Change, before)
	if err != nil {
		return Outcome{}, err
	}
	if command.Quota = changed; changed != before {
		batch.SetQuota(command.Namespace, changed)
	}
	return Outcome{}, nil
}

// Groups implements Command.
func (*ChangeQuota) Groups() []string { return nil }

// QuotaAfter returns a quota as a change leaves it.
func QuotaAfter(change QuotaChange, quota batch.Quota) (batch.Quota, error) {
	for _, field := range [...]struct {
		name  string
		limit *int64
		to    *int64
	}{
		{"MaxKeys", &quota.MaxKeys, change.MaxKeys},
		{"MaxGroups", &quota.MaxGroups, change.MaxGroups},
		{"MaxBytes", &quota.MaxBytes, change.MaxBytes},
		{"MaxValueBytes", &quota.MaxValueBytes, change.MaxValueBytes},
		{"MaxJournalBytes", &quota.MaxJournalBytes, change.MaxJournalBytes},
		{"MaxWorkspaceBytes", &quota.MaxWorkspaceBytes, change.MaxWorkspaceBytes},
		{"MaxLogBytes", &quota.MaxLogBytes, change.MaxLogBytes},
	} {
		switch {
		case field.to == nil:
		case *field.to < 0:
			return quota, fmt.Errorf("%s is %d; use 0 for no limit", field.name, *field.to)
		default:
			*field.limit = *field.to
		}
	}
	return quota, nil
}
