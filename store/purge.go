// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"slices"
	"sync"

	"dappco.re/go/storebus/store/internal/kv"
)

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
