// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/kv"
)

// storeHost is the store as its workspaces see it.
type storeHost struct{ store *Store }

// Do carries a command out.
func (host storeHost) Do(command Command) (Outcome, error) {
	write, err := host.store.carryOut(command, batch.Origin{})
	if write == nil {
		return Outcome{}, err
	}
	return write.outcome, err
}

// Recall looks up an answer.
func (host storeHost) Recall(name batch.RequestName) (earlier *batch.Answer, now time.Time, err error) {
	earlier, err = look(host.store, func(committer *committer) (*batch.Answer, error) {
		now = committer.clock.Now()
		return committer.tables.Answers().Find(name, now)
	})
	return earlier, now, err
}

// EndedRuns lists the marks.
func (host storeHost) EndedRuns() (map[string]bool, error) { return host.store.endedRuns() }

// ForgetRuns leaves the marks to a later commit, or to a chore.
func (host storeHost) ForgetRuns(runIDs ...string) {
	fileless, unlock := host.store.engine.fileless.lock()
	defer unlock()
	*fileless = append(*fileless, runIDs...)
}

// Limits are those of the next batch.
func (host storeHost) Limits() kv.Limits { return *host.store.engine.limits.Load() }

// Now is the time of the store's clock.
func (host storeHost) Now() time.Time { return host.store.engine.clock.Now() }

// callerHost carries out a command for a caller that runs the callbacks of OnChange itself.
type callerHost struct {
	store *Store
	// events are the changes of the command.
	events []Event
}

// Do carries a command out.
func (host *callerHost) Do(command Command) (Outcome, error) {
	write, err := host.store.carryOut(command, batch.Origin{FromCaller: true})
	if write == nil {
		return Outcome{}, err
	}
	host.events = write.events
	return write.outcome, err
}
