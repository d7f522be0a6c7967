// SPDX-License-Identifier: EUPL-1.2

package commands

import (
	"time"

	"dappco.re/go/storebus/store/internal/kv"

	"dappco.re/go/storebus/store/internal/batch"
)

const (
	// besideWrites is how long after a write batches are small.
	besideWrites = time.Second
	// smallShare is how many due keys a small batch looks at.
	smallShare = 64
	// leastShare is how many due keys of a realm a batch looks at, at least, if it still may.
	leastShare = 16
)

// Expire logs expiries of realms, as many as a batch may. Each realm has its share, so that the
// keys of one do not wait for those of another.
type Expire struct {
	Realms []kv.Realm
	// Beside is the time since the last write. The batch is small soon after one, because the next
	// one waits for the batch.
	Beside time.Duration
	// Finished counts the realms, from the first on, in which nothing is due any more.
	Finished int
	// Stale are entries that have got another state since, which the tables or the
	// pending set do not have: they would be found again and again.
	Stale []kv.EntryName
}

// Apply implements Command.
func (command *Expire) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	if command.Beside < besideWrites {
		batch.LookAtMost(smallShare)
	}
	share := max(batch.Looks()/max(len(command.Realms), 1), leastShare)
	unfinished := false
	for _, realm := range command.Realms {
		if realm.Whole && unfinished {
			continue // it would find the same keys
		}
		finished, err := batch.ExpireShare(realm, share)
		if err != nil {
			return Outcome{}, err
		}
		if unfinished = unfinished || !finished; !unfinished {
			command.Finished++
		}
	}
	command.Stale = batch.Stale()
	return Outcome{}, nil
}

// Groups implements Command.
func (*Expire) Groups() []string { return nil }
