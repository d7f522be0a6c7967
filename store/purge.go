// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// PurgeExpired expires every key that is due, and returns how many keys expired during the
// call. The store also expires each key at its deadline; after PurgeExpired none is left over.
//
//	expired, err := store.PurgeExpired()
func (store *Store) PurgeExpired() (int64, error) {
	expired, err := store.purge(kv.WholeStore)
	if err != nil {
		return expired, fmt.Errorf("store.PurgeExpired: %w", err)
	}
	return expired, nil
}

// PurgeExpired is Store.PurgeExpired for the keys of the namespace. It counts only these keys,
// and waits only for these.
//
//	expired, err := scoped.PurgeExpired()
func (scoped *ScopedStore) PurgeExpired() (int64, error) {
	expired, err := scoped.within().purge(kv.Realm{Name: scoped.Namespace()})
	return expired, namespaceError("store.PurgeExpired", scoped.Namespace(), err)
}

// SubmitPurge is PurgeExpired without waiting. It calls done once, before SubmitPurge returns
// or later from a goroutine of the store. done must not block.
func (store *Store) SubmitPurge(done func(expired int64, err error)) {
	store.submitPurge(kv.WholeStore, done)
}

func (store *Store) purge(of kv.Realm) (int64, error) {
	return wait(func(done func(int64, error)) { store.submitPurge(of, done) })
}

func (store *Store) submitPurge(of kv.Realm, done func(expired int64, err error)) {
	if !store.opened() {
		fail(done, failure.ErrNeverOpened)
		return
	}
	purges := store.engine.purges
	purge := purges.begin(of)
	store.submitRead(func(committer *committer) {
		err := committer.findNextExpiry()
		committer.expiryPause = time.Time{}
		committer.exactly(of, func() {
			expired, err := committer.purges.end(purge), errors.Join(err, committer.refusal(), committer.expiryFailure)
			answered(committer, store.outlet, done, expired, err)
		})
	}, func(err error) {
		purges.end(purge)
		fail(done, err)
	})
}

// purges count the keys that expire in realms during calls of PurgeExpired.
type purges struct {
	mutex    sync.Mutex
	underway []*purge
}

type purge struct {
	of      kv.Realm
	expired int64
}

func (purges *purges) begin(of kv.Realm) *purge {
	purges.mutex.Lock()
	defer purges.mutex.Unlock()
	begun := &purge{of: of}
	purges.underway = append(purges.underway, begun)
	return begun
}

// end returns how many entries have expired since begin.
func (purges *purges) end(ended *purge) (expired int64) {
	purges.mutex.Lock()
	defer purges.mutex.Unlock()
	purges.underway = slices.DeleteFunc(purges.underway, func(purge *purge) bool { return purge == ended })
	return ended.expired
}

// note counts the expiry of an entry of a group.
func (purges *purges) note(group string) {
	purges.mutex.Lock()
	defer purges.mutex.Unlock()
	for _, purge := range purges.underway {
		if purge.of.Whole || purge.of == kv.RealmOf(group) {
			purge.expired++
		}
	}
}
