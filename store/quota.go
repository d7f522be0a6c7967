// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"dappco.re/go/storebus/store/internal/changelog"
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

// Usage has the usage and the quota of a namespace.
type Usage struct {
	Quota  Quota
	Keys   int64
	Groups int64
	Bytes  int64
	// Revision is the revision of the namespace at that point, 0 if nothing was ever written.
	Revision uint64
}

// QuotaChange changes limits of a quota; nil leaves a limit as it is.
//
//	store.QuotaChange{MaxKeys: &maxKeys}
type QuotaChange struct {
	MaxKeys       *int64
	MaxGroups     *int64
	MaxBytes      *int64
	MaxValueBytes *int64
}

// SetQuota replaces the quota of a namespace, for later writes and across restarts. It returns
// ErrInvalidName for an invalid namespace.
//
//	err := store.SetQuota("acme", store.Quota{MaxKeys: 10_000, MaxBytes: 64 << 20})
func (store *Store) SetQuota(namespace string, quota Quota) error {
	_, err := store.changeQuota(namespace, QuotaChange{
		MaxKeys: &quota.MaxKeys, MaxGroups: &quota.MaxGroups, MaxBytes: &quota.MaxBytes, MaxValueBytes: &quota.MaxValueBytes,
	})
	return namespaceError("store.SetQuota", namespace, err)
}

// Quota returns the quota of a namespace.
//
//	quota, err := store.Quota("acme")
func (store *Store) Quota(namespace string) (Quota, error) {
	quota, err := store.changeQuota(namespace, QuotaChange{})
	return quota, namespaceError("store.Quota", namespace, err)
}

// SubmitQuota changes the quota of a namespace, or only reads it if change is empty, and passes
// the quota to done. It calls done once, before SubmitQuota returns or later from a goroutine
// of the store. done must not block.
func (store *Store) SubmitQuota(namespace string, change QuotaChange, done func(Quota, error)) {
	command := &quotaCommand{namespace: namespace, change: change}
	if err := kv.CheckNamespace(namespace); err != nil {
		fail(done, cmp.Or(store.unusable(), err))
		return
	}
	submitChange(store, command, func(err error) { tell(done, command.quota, err) })
}

func (store *Store) changeQuota(namespace string, changed QuotaChange) (Quota, error) {
	command := &quotaCommand{namespace: namespace, change: changed}
	if err := kv.CheckNamespace(namespace); err != nil {
		return Quota{}, cmp.Or(store.unusable(), err)
	}
	if err := change(store, command); err != nil {
		return Quota{}, err
	}
	return command.quota, nil
}

// Usage returns the usage and the quota of a namespace. Due keys are expired first, or left out
// while nothing can be written. With very many due keys that takes longer, and holds up nobody.
//
//	usage, err := store.Usage("acme")
func (store *Store) Usage(namespace string) (Usage, error) {
	usage, err := wait(func(done func(Usage, error)) { store.SubmitUsage(namespace, done) })
	return usage, namespaceError("store.Usage", namespace, err)
}

// SubmitUsage is Usage without waiting. It calls done once, before SubmitUsage returns or later
// from a goroutine of the store. done must not block.
func (store *Store) SubmitUsage(namespace string, done func(Usage, error)) {
	if err := cmp.Or(store.unusable(), kv.CheckNamespace(namespace)); err != nil {
		fail(done, err)
		return
	}
	submitExactly(store, kv.Realm{Name: namespace}, func(committer *committer) (Usage, error) {
		used, err := committer.view.Usage(namespace)
		return Usage{
			Quota: quotasIn.table(committer.tables).limits[namespace],
			Keys:  used.Keys, Groups: used.Groups, Bytes: used.Bytes, Revision: used.Revision,
		}, err
	}, done)
}

func namespaceError(operation, namespace string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: namespace %q: %w", operation, namespace, err)
}

// quotas has the quota of every namespace that has one, in memory and in the database.
type quotas struct {
	limits map[string]Quota

	selectAll *sqlite.Statement
	upsert    *sqlite.Statement
	delete    *sqlite.Statement
}

func newQuotas(session *sqlite.Session) *quotas {
	return &quotas{
		limits:    map[string]Quota{},
		selectAll: session.Prepare(`SELECT namespace, max_keys, max_groups, max_bytes, max_value_bytes FROM quotas`),
		upsert: session.Prepare(`INSERT INTO quotas (namespace, max_keys, max_groups, max_bytes, max_value_bytes) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET max_keys = excluded.max_keys, max_groups = excluded.max_groups, max_bytes = excluded.max_bytes, max_value_bytes = excluded.max_value_bytes`),
		delete: session.Prepare(`DELETE FROM quotas WHERE namespace = ?`),
	}
}

func (quotas *quotas) load() error {
	return quotas.selectAll.Query(func(row sqlite.Row) bool {
		quotas.limits[row.Text(0)] = Quota{MaxKeys: row.Signed(1), MaxGroups: row.Signed(2), MaxBytes: row.Signed(3), MaxValueBytes: row.Signed(4)}
		return true
	})
}

// quotaPart are the quotas that a batch gives, by namespace.
type quotaPart struct{ limits map[string]Quota }

func (quotas *quotaPart) set(namespace string, quota Quota) {
	if quotas.limits == nil {
		quotas.limits = map[string]Quota{}
	}
	quotas.limits[namespace] = quota
}

func (quotas *quotaPart) mergeInto(below *batch) {
	for namespace, quota := range quotas.limits {
		quotasIn.in(below).set(namespace, quota)
	}
}

func (quotas *quotaPart) empty() bool { return len(quotas.limits) == 0 }

func (*quotaPart) waits() waiting { return waitsAsUsual }

func (quotas *quotaPart) appendTo(section []byte) []byte {
	for _, namespace := range slices.Sorted(maps.Keys(quotas.limits)) {
		quota := quotas.limits[namespace]
		section = changelog.AppendText(section, namespace)
		for _, limit := range quota.all() {
			section = binary.AppendVarint(section, *limit)
		}
	}
	return section
}

func (*quotas) read(batch *batch, section *changelog.Reader) {
	for section.More() {
		namespace, quota := section.Text(), Quota{}
		for _, limit := range quota.all() {
			*limit = section.Signed()
		}
		quotasIn.in(batch).set(namespace, quota)
	}
}

// all lists the limits, in the order of a record.
func (quota *Quota) all() [4]*int64 {
	return [...]*int64{&quota.MaxKeys, &quota.MaxGroups, &quota.MaxBytes, &quota.MaxValueBytes}
}

// save writes the quotas of a batch.
func (quotas *quotas) save(transaction *sqlite.Transaction, batch *batch) {
	for namespace, quota := range quotasIn.of(batch).limits {
		if quota == (Quota{}) {
			transaction.Execute(quotas.delete, namespace)
			continue
		}
		transaction.Execute(quotas.upsert, namespace, quota.MaxKeys, quota.MaxGroups, quota.MaxBytes, quota.MaxValueBytes)
	}
}

// saved records that the rows of save are committed.
func (quotas *quotas) saved(batch *batch) (bytes int) {
	for namespace, quota := range quotasIn.of(batch).limits {
		if quota == (Quota{}) {
			delete(quotas.limits, namespace)
		} else {
			quotas.limits[namespace] = quota
		}
	}
	return 0
}

// quota returns the quota of a namespace as the batch leaves it.
func (batch *batch) quota(namespace string) Quota {
	for at := batch; at != nil; at = at.below {
		if quota, given := quotasIn.of(at).limits[namespace]; given {
			return quota
		}
	}
	return quotasIn.table(batch.tables).limits[namespace]
}

// quotaCommand changes the quota of a namespace.
type quotaCommand struct {
	namespace string
	change    QuotaChange
	// quota is the result.
	quota Quota
}

func (command *quotaCommand) apply(batch *batch, _ origin) (Outcome, error) {
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

func (*quotaCommand) groups() []string { return nil }

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

// admit returns QuotaExceededError if a value would make its namespace grow beyond its quota.
// If it would, due keys of the namespace are expired first, until there is room.
func (batch *batch) admit(target *target, value string) error {
	quota := batch.quota(target.namespaceName)
	if quota == (Quota{}) {
		return nil
	}
	batch.expireIfDue(target)
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
func (quota Quota) checkValue(target *target, value string) error {
	if quota.MaxValueBytes == 0 || int64(len(value)) <= quota.MaxValueBytes || len(value) <= target.entry.Bytes {
		return nil
	}
	return &kv.QuotaExceededError{Quota: "value_bytes", Limit: quota.MaxValueBytes, Usage: int64(len(value))}
}

// checkGrowth returns QuotaExceededError if there is no room for what a value adds.
func (quota Quota) checkGrowth(target *target, value string) error {
	namespace, created := target.namespace, !target.entry.Present()
	grown := int64(len(value) - target.entry.Bytes)
	if created {
		_, group := kv.NamespaceOf(target.Group)
		grown += int64(len(group) + len(target.Key))
	}
	switch {
	case quota.MaxKeys > 0 && created && namespace.Keys >= quota.MaxKeys:
		return &kv.QuotaExceededError{Quota: "keys", Limit: quota.MaxKeys, Usage: namespace.Keys}
	case quota.MaxGroups > 0 && created && target.group.Keys == 0 && namespace.Groups >= quota.MaxGroups:
		return &kv.QuotaExceededError{Quota: "groups", Limit: quota.MaxGroups, Usage: namespace.Groups}
	case quota.MaxBytes > 0 && grown > 0 && namespace.Bytes+grown > quota.MaxBytes:
		return &kv.QuotaExceededError{Quota: "bytes", Limit: quota.MaxBytes, Usage: namespace.Bytes}
	default:
		return nil
	}
}
