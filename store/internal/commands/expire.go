// SPDX-License-Identifier: EUPL-1.2

package commands

import (
	"dappco.re/go/storebus/store/internal/kv"

	"dappco.re/go/storebus/store/internal/batch"
)

// Expire logs expiries of realms, one after the other, as many as a batch may.
type Expire struct {
	Realms []kv.Realm
	// Finished counts the realms, from the first on, in which nothing is due any more.
	Finished int
	// Stale are entries that have got another state since, which the tables or the
	// pending set do not have: they would be found again and again.
	Stale []kv.EntryName
}

// Apply implements Command.
func (command *Expire) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	for _, realm := range command.Realms {
		finished, err := batch.ExpireShare(realm)
		if err != nil {
			return Outcome{}, err
		}
		if !finished {
			break
		}
		command.Finished++
	}
	command.Stale = batch.Stale()
	return Outcome{}, nil
}

// Groups implements Command.
func (*Expire) Groups() []string { return nil }
