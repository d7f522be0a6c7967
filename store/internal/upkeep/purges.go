// SPDX-License-Identifier: EUPL-1.2

package upkeep

import (
	"slices"
	"sync"

	"dappco.re/go/storebus/store/internal/kv"
)

// Purges count the keys that expire in realms while calls of Purge are under way.
type Purges struct {
	mutex    sync.Mutex
	underway []*Purge
}

// Purge counts the keys that expire in a realm.
type Purge struct {
	of      kv.Realm
	expired int64
}

// Begin begins to count.
func (purges *Purges) Begin(of kv.Realm) *Purge {
	purges.mutex.Lock()
	defer purges.mutex.Unlock()
	begun := &Purge{of: of}
	purges.underway = append(purges.underway, begun)
	return begun
}

// End returns how many entries have expired since Begin.
func (purges *Purges) End(ended *Purge) (expired int64) {
	purges.mutex.Lock()
	defer purges.mutex.Unlock()
	purges.underway = slices.DeleteFunc(purges.underway, func(purge *Purge) bool { return purge == ended })
	return ended.expired
}

// Note counts the expiry of an entry of a group.
func (purges *Purges) Note(group string) {
	purges.mutex.Lock()
	defer purges.mutex.Unlock()
	for _, purge := range purges.underway {
		if purge.of.Whole || purge.of == kv.RealmOf(group) {
			purge.expired++
		}
	}
}

// Underway returns how many count.
func (purges *Purges) Underway() int {
	purges.mutex.Lock()
	defer purges.mutex.Unlock()
	return len(purges.underway)
}
