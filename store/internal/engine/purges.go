// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"errors"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
)

// Purge expires every key of a realm that is due. It calls purged once, as a question, with the
// number of keys that have expired since the call of Purge.
func (engine *Engine) Purge(of kv.Realm, purged func(committer *Committer, expired int64, err error)) error {
	purge := engine.purges.Begin(of)
	err := engine.Ask(func(committer *Committer) {
		err := committer.deadlines.Find()
		committer.expiries.pause = time.Time{}
		committer.Exactly(of, func() {
			purged(committer, engine.purges.End(purge), errors.Join(err, committer.refusal(), committer.expiries.failure))
		})
	})
	if err != nil {
		engine.purges.End(purge)
	}
	return err
}
