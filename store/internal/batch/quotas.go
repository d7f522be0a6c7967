// SPDX-License-Identifier: EUPL-1.2

package batch

import (
	"encoding/binary"
	"maps"
	"slices"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Quota bounds the entries of a namespace. A zero field is no limit. A write that does not
// raise the counted figure is always allowed. So a limit below the present usage only forbids
// growth.
//
//	store.Quota{MaxKeys: 10_000, MaxBytes: 64 << 20}
type Quota struct {
	MaxKeys   int64
	MaxGroups int64
	// MaxBytes bounds the sum of the lengths of group, key and value. The group's name counts
	// without the namespace.
	MaxBytes int64
	// MaxValueBytes bounds each value.
	MaxValueBytes int64
}

// quotas has the quota of every namespace that has one, in memory and in the database.
type quotas struct {
	limits map[string]Quota

	selectAll *sqlite.Statement
	upsert    *sqlite.Statement
	delete    *sqlite.Statement
}

// NewQuotas returns the table, with its statements prepared.
func NewQuotas(session *sqlite.Session) *quotas {
	return &quotas{
		limits:    map[string]Quota{},
		selectAll: session.Prepare(`SELECT namespace, max_keys, max_groups, max_bytes, max_value_bytes FROM quotas`),
		upsert: session.Prepare(`INSERT INTO quotas (namespace, max_keys, max_groups, max_bytes, max_value_bytes) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET max_keys = excluded.max_keys, max_groups = excluded.max_groups, max_bytes = excluded.max_bytes, max_value_bytes = excluded.max_value_bytes`),
		delete: session.Prepare(`DELETE FROM quotas WHERE namespace = ?`),
	}
}

func (quotas *quotas) Load() error {
	return quotas.selectAll.Query(func(row sqlite.Row) bool {
		quotas.limits[row.Text(0)] = Quota{MaxKeys: row.Signed(1), MaxGroups: row.Signed(2), MaxBytes: row.Signed(3), MaxValueBytes: row.Signed(4)}
		return true
	})
}

// Of returns the quota of a namespace, which is the zero Quota if there is none.
func (quotas *quotas) Of(namespace string) Quota { return quotas.limits[namespace] }

// quotasIn gives the table of the quotas, and a batch's part of it.
var quotasIn = Slot[quotaPart, *quotaPart, *quotas]{Place: PlaceOfQuotas}

// quotaPart are the quotas that a batch gives, by namespace.
type quotaPart struct{ limits map[string]Quota }

func (quotas *quotaPart) set(namespace string, quota Quota) {
	if quotas.limits == nil {
		quotas.limits = map[string]Quota{}
	}
	quotas.limits[namespace] = quota
}

func (quotas *quotaPart) MergeInto(below *Batch) {
	for namespace, quota := range quotas.limits {
		quotasIn.In(below).set(namespace, quota)
	}
}

func (quotas *quotaPart) Empty() bool { return len(quotas.limits) == 0 }

func (*quotaPart) Waits() Waiting { return WaitsAsUsual }

func (quotas *quotaPart) AppendTo(section []byte) []byte {
	for _, namespace := range slices.Sorted(maps.Keys(quotas.limits)) {
		quota := quotas.limits[namespace]
		section = changelog.AppendText(section, namespace)
		for _, limit := range quota.all() {
			section = binary.AppendVarint(section, *limit)
		}
	}
	return section
}

func (*quotas) Read(batch *Batch, section *changelog.Reader) {
	for section.More() {
		namespace, quota := section.Text(), Quota{}
		for _, limit := range quota.all() {
			*limit = section.Signed()
		}
		quotasIn.In(batch).set(namespace, quota)
	}
}

// all lists the limits, in the order of a record.
func (quota *Quota) all() [4]*int64 {
	return [...]*int64{&quota.MaxKeys, &quota.MaxGroups, &quota.MaxBytes, &quota.MaxValueBytes}
}

// Save writes the quotas of a batch.
func (quotas *quotas) Save(transaction *sqlite.Transaction, batch *Batch) {
	for namespace, quota := range quotasIn.Of(batch).limits {
		if quota == (Quota{}) {
			transaction.Execute(quotas.delete, namespace)
			continue
		}
		transaction.Execute(quotas.upsert, namespace, quota.MaxKeys, quota.MaxGroups, quota.MaxBytes, quota.MaxValueBytes)
	}
}

// Saved records that the rows of Save are committed.
func (quotas *quotas) Saved(batch *Batch) (bytes int) {
	for namespace, quota := range quotasIn.Of(batch).limits {
		if quota == (Quota{}) {
			delete(quotas.limits, namespace)
		} else {
			quotas.limits[namespace] = quota
		}
	}
	return 0
}

// Quotas returns the table of the quotas.
func (tables *Tables) Quotas() *quotas { return quotasIn.Table(tables) }

// SetQuota gives a namespace a quota.
func (batch *Batch) SetQuota(namespace string, quota Quota) { quotasIn.In(batch).set(namespace, quota) }

// Quota returns the quota of a namespace as the batch leaves it.
func (batch *Batch) Quota(namespace string) Quota {
	for at := batch; at != nil; at = at.below {
		if quota, given := quotasIn.Of(at).limits[namespace]; given {
			return quota
		}
	}
	return quotasIn.Table(batch.tables).Of(namespace)
}

// Admit returns QuotaExceededError if a value would make its namespace grow beyond its quota.
// If it would, due keys of the namespace are expired first, until there is room.
func (batch *Batch) Admit(target *Target, value string) error {
	quota := batch.Quota(target.namespaceName)
	if quota == (Quota{}) {
		return nil
	}
	batch.ExpireIfDue(target)
	if err := quota.checkValue(target, value); err != nil {
		return err
	}
	for {
		exceeded := quota.checkGrowth(target, value)
		if exceeded == nil {
			return nil
		}
		expired, err := batch.expireNext(kv.RealmOf(target.Group))
		if err != nil {
			return err
		}
		if !expired {
			return exceeded
		}
	}
}

// checkValue returns QuotaExceededError for a value that is too long, unless the replaced value
// is at least as long.
func (quota Quota) checkValue(target *Target, value string) error {
	if quota.MaxValueBytes == 0 || int64(len(value)) <= quota.MaxValueBytes || len(value) <= target.entry.Bytes {
		return nil
	}
	return &failure.QuotaExceededError{Quota: "value_bytes", Limit: quota.MaxValueBytes, Usage: int64(len(value))}
}

// checkGrowth returns QuotaExceededError if there is no room for what a value adds.
func (quota Quota) checkGrowth(target *Target, value string) error {
	namespace, created := target.namespace, !target.entry.Present()
	grown := int64(len(value) - target.entry.Bytes)
	if created {
		_, group := kv.NamespaceOf(target.Group)
		grown += int64(len(group) + len(target.Key))
	}
	switch {
	case quota.MaxKeys > 0 && created && namespace.Keys >= quota.MaxKeys:
		return &failure.QuotaExceededError{Quota: "keys", Limit: quota.MaxKeys, Usage: namespace.Keys}
	case quota.MaxGroups > 0 && created && target.group.Keys == 0 && namespace.Groups >= quota.MaxGroups:
		return &failure.QuotaExceededError{Quota: "groups", Limit: quota.MaxGroups, Usage: namespace.Groups}
	case quota.MaxBytes > 0 && grown > 0 && namespace.Bytes+grown > quota.MaxBytes:
		return &failure.QuotaExceededError{Quota: "bytes", Limit: quota.MaxBytes, Usage: namespace.Bytes}
	default:
		return nil
	}
}
