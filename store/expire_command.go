// SPDX-License-Identifier: EUPL-1.2

package store

import "dappco.re/go/storebus/store/internal/kv"

// expireCommand logs expiries of realms, one after the other, as many as a batch may.
type expireCommand struct {
	realms []kv.Realm
	// finished counts the realms, from the first on, in which nothing is due any more.
	finished int
	// stale are entries that have got another state since, which the tables or the
	// pending set do not have: they would be found again and again.
	stale []kv.EntryName
}

func (command *expireCommand) Apply(batch *batch, _ origin) (Outcome, error) {
	for _, realm := range command.realms {
		err := batch.expireAll(realm)
		if _, more := expiryFirst(err); more {
			break
		}
		if err != nil {
			return Outcome{}, err
		}
		command.finished++
	}
	command.stale = batch.Stale()
	return Outcome{}, nil
}

func (*expireCommand) Groups() []string { return nil }
