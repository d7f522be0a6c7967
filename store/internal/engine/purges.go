// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"errors"
	"slices"
	"sync"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
)

// Purge expires every key of a realm that is due. It calls purged once, as a question, with the
// number of keys that have expired since the call of Purge.
func (engine *Engine) Purge(of kv.Realm, purged func(committer *Committer, expired int64, err error)) error {
	purge := engine.purges.begin(of)
	err := engine.Ask(func(committer *Committer) {
		err := committer.deadlines.find()
		committer.expiries.pause = time.Time{}
		committer.Exactly(of, func() {
			purged(committer, engine.purges.end(purge), errors.Join(err, committer.refusal(), committer.expiries.failure))
		})
	})
	if err != nil {
		engine.purges.end(purge)
	}
	return err
}

// purges count the keys that expire in realms while calls of Purge are under way.
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
