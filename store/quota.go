// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"fmt"

	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/kv"
)

// Usage has the usage and the quota of a namespace.
type Usage struct {
	Quota  Quota
	Keys   int64
	Groups int64
	Bytes  int64
	// Revision is the revision of the namespace at that point, 0 if nothing was ever written.
	Revision uint64
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
	command := &commands.ChangeQuota{Namespace: namespace, Change: change}
	if err := kv.CheckNamespace(namespace); err != nil {
		fail(done, cmp.Or(store.unusable(), err))
		return
	}
	submitChange(store, command, func(err error) { tell(done, command.Quota, err) })
}

func (store *Store) changeQuota(namespace string, changed QuotaChange) (Quota, error) {
	command := &commands.ChangeQuota{Namespace: namespace, Change: changed}
	if err := kv.CheckNamespace(namespace); err != nil {
		return Quota{}, cmp.Or(store.unusable(), err)
	}
	if err := change(store, command); err != nil {
		return Quota{}, err
	}
	return command.Quota, nil
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
			Quota: committer.tables.Quotas().Of(namespace),
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
