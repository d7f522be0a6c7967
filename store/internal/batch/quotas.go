// SPDX-License-Identifier: EUPL-1.2

package batch

import (
	"encoding/binary"
	"maps"
	"slices"
	"sync"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// AllNamespaces stands for all namespaces without a quota of their own.
const AllNamespaces = "*"

// Quota bounds what a namespace keeps. A zero field is no limit. A write that does not
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
	// MaxJournalBytes bounds the entries of the journal that are in no archive, delivered or not:
	// the sum of the lengths of their measurements, fields and tags, with the namespace in each.
	MaxJournalBytes int64
	// MaxWorkspaceBytes bounds the files of the open workspaces on disk.
	MaxWorkspaceBytes int64
	// MaxLogBytes bounds the changes that the log keeps. It refuses no write: the oldest changes go,
	// as with Retention.
	MaxLogBytes int64
}

// quotas has the quota of every namespace that has one, in memory and in the database.
type quotas struct {
	limits map[string]Quota
	// otherwise is the quota of all namespaces that has no row.
	otherwise Quota
	shared    *SharedQuotas
	// changed is called after each change.
	changed func()

	selectAll *sqlite.Statement
	upsert    *sqlite.Statement
	delete    *sqlite.Statement
}

// NewQuotas returns the table, with its statements prepared. It keeps shared up to date. If the
// quota of all namespaces was never given, it is otherwise.
func NewQuotas(session *sqlite.Session, otherwise Quota, shared *SharedQuotas) *quotas {
	shared.otherwise = otherwise.MaxWorkspaceBytes
	return &quotas{
		limits:    map[string]Quota{},
		otherwise: otherwise,
		shared:    shared,
		changed:   func() {},
		selectAll: session.Prepare(`SELECT namespace, max_keys, max_groups, max_bytes, max_value_bytes, max_journal_bytes, max_workspace_bytes, max_log_bytes FROM quotas`),
		upsert: session.Prepare(`INSERT INTO quotas (namespace, max_keys, max_groups, max_bytes, max_value_bytes, max_journal_bytes, max_workspace_bytes, max_log_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET max_keys = excluded.max_keys, max_groups = excluded.max_groups, max_bytes = excluded.max_bytes, max_value_bytes = excluded.max_value_bytes,
				max_journal_bytes = excluded.max_journal_bytes, max_workspace_bytes = excluded.max_workspace_bytes, max_log_bytes = excluded.max_log_bytes`),
		delete: session.Prepare(`DELETE FROM quotas WHERE namespace = ?`),
	}
}

func (quotas *quotas) Load() error {
	return quotas.selectAll.Query(func(row sqlite.Row) bool {
		quota := Quota{}
		for index, limit := range quota.all() {
			*limit = row.Signed(index + 1)
		}
		quotas.keep(row.Text(0), quota)
		return true
	})
}

// Of returns the quota of a namespace: its own, or the default of all namespaces. It is the zero
// Quota if there is none.
func (quotas *quotas) Of(namespace string) Quota {
	if quota, own := quotas.limits[namespace]; own || namespace == "" {
		return quota
	}
	return quotas.forAll()
}

// forAll returns the quota of all namespaces.
func (quotas *quotas) forAll() Quota {
	if quota, given := quotas.limits[AllNamespaces]; given {
		return quota
	}
	return quotas.otherwise
}

// OnChange has a function called after each change of a quota.
func (quotas *quotas) OnChange(function func()) { quotas.changed = function }

// keep brings memory to a quota.
func (quotas *quotas) keep(namespace string, quota Quota) {
	if quota == (Quota{}) {
		delete(quotas.limits, namespace)
	} else {
		quotas.limits[namespace] = quota
	}
	quotas.shared.keep(namespace, quota.MaxWorkspaceBytes, quota != Quota{})
}

// SharedQuotas are the limits that any goroutine may ask for.
type SharedQuotas struct {
	workspaceBytes sync.Map
	// otherwise is the limit of all namespaces if none was given.
	otherwise int64
}

func (shared *SharedQuotas) keep(namespace string, workspaceBytes int64, own bool) {
	if own {
		shared.workspaceBytes.Store(namespace, workspaceBytes)
	} else {
		shared.workspaceBytes.Delete(namespace)
	}
}

// MaxWorkspaceBytes is the limit of a namespace, 0 if there is none.
func (shared *SharedQuotas) MaxWorkspaceBytes(namespace string) int64 {
	limit, given := shared.workspaceBytes.Load(namespace)
	if !given && namespace != "" {
		if limit, given = shared.workspaceBytes.Load(AllNamespaces); !given {
			return shared.otherwise
		}
	}
	bytes, _ := limit.(int64)
	return bytes
}

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
func (quota *Quota) all() [7]*int64 {
	return [...]*int64{&quota.MaxKeys, &quota.MaxGroups, &quota.MaxBytes, &quota.MaxValueBytes, &quota.MaxJournalBytes, &quota.MaxWorkspaceBytes, &quota.MaxLogBytes}
}

// Save writes the quotas of a batch.
func (quotas *quotas) Save(transaction *sqlite.Transaction, batch *Batch) {
	for namespace, quota := range quotasIn.Of(batch).limits {
		if quota == (Quota{}) {
			transaction.Execute(quotas.delete, namespace)
			continue
		}
		transaction.Execute(quotas.upsert, namespace, quota.MaxKeys, quota.MaxGroups, quota.MaxBytes, quota.MaxValueBytes, quota.MaxJournalBytes, quota.MaxWorkspaceBytes, quota.MaxLogBytes)
	}
}

// Saved records that the rows of Save are committed.
func (quotas *quotas) Saved(batch *Batch) (bytes int) {
	limits := quotasIn.Of(batch).limits
	for namespace, quota := range limits {
		quotas.keep(namespace, quota)
	}
	if len(limits) > 0 {
		quotas.changed()
	}
	return 0
}

// Quotas returns the table of the quotas.
func (tables *Tables) Quotas() *quotas { return quotasIn.Table(tables) }

// SetQuota gives a namespace a quota.
func (batch *Batch) SetQuota(namespace string, quota Quota) { quotasIn.In(batch).set(namespace, quota) }

// Quota returns the quota of a namespace as the batch leaves it: its own, or the default.
func (batch *Batch) Quota(namespace string) Quota {
	quota, own := batch.ownQuota(namespace)
	if own || namespace == "" {
		return quota
	}
	if quota, own = batch.ownQuota(AllNamespaces); own {
		return quota
	}
	return quotasIn.Table(batch.tables).otherwise
}

// ownQuota returns the quota that was given to a namespace itself, and whether there is one.
func (batch *Batch) ownQuota(namespace string) (quota Quota, own bool) {
	for at := batch; at != nil; at = at.below {
		if quota, given := quotasIn.Of(at).limits[namespace]; given {
			return quota, quota != Quota{}
		}
	}
	quota, own = quotasIn.Table(batch.tables).limits[namespace]
	return quota, own
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
