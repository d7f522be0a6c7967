// SPDX-License-Identifier: EUPL-1.2

package store

import "fmt"

// QuotaChange changes limits of a quota; nil leaves a limit as it is.
//
//	store.QuotaChange{MaxKeys: &maxKeys}
type QuotaChange struct {
	MaxKeys       *int64
	MaxGroups     *int64
	MaxBytes      *int64
	MaxValueBytes *int64
}

// quotaCommand changes the quota of a namespace.
type quotaCommand struct {
	namespace string
	change    QuotaChange
	// quota is the result.
	quota Quota
}

func (command *quotaCommand) Apply(batch *batch, _ origin) (Outcome, error) {
	before := batch.quota(command.namespace)
	changed, err := command.change.of(before)
	if err != nil {
		return Outcome{}, err
	}
	if command.quota = changed; changed != before {
		quotasIn.in(batch).set(command.namespace, changed)
	}
	return Outcome{}, nil
}

func (*quotaCommand) Groups() []string { return nil }

// of returns a quota as the change leaves it.
func (change QuotaChange) of(quota Quota) (Quota, error) {
	for _, field := range [...]struct {
		name  string
		limit *int64
		to    *int64
	}{
		{"MaxKeys", &quota.MaxKeys, change.MaxKeys},
		{"MaxGroups", &quota.MaxGroups, change.MaxGroups},
		{"MaxBytes", &quota.MaxBytes, change.MaxBytes},
		{"MaxValueBytes", &quota.MaxValueBytes, change.MaxValueBytes},
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
