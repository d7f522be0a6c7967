// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/follow"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
	"dappco.re/go/storebus/store/internal/workspace"
)

// engine is what every goroutine may touch of the committer. The committer itself is in the
// hands of its owner, and nowhere else.
type engine struct {
	owner ownership

	config StoreConfig
	// limits are set by anybody, and hold for a batch as they are when it begins.
	limits  atomic.Pointer[kv.Limits]
	storeID string
	// suspended is the reason of Suspend, nil if there is none.
	suspended atomic.Pointer[string]
	// broken is why the store has stopped writing; nil while it writes.
	broken atomic.Pointer[error]
	// backedUp is how many bytes a backup that is under way has copied.
	backedUp atomic.Int64
	clock    *clock.Clock
	hot      *state.Hot
	// followers are made with source and stopping, when the end of the log is known.
	followers *follow.Followers
	source    follow.Source
	stopping  <-chan struct{}
	writes    *mailbox[*write]
	reads     *mailbox[read]
	// acknowledged gets a token when the log has said something of a record under way.
	acknowledged chan struct{}
	figures      *figures
	// purges count the expiries that are logged.
	purges *purges
	// journal is what the journal tells everybody, and fileless are ended runs without a file.
	journal  *journal.News
	fileless *workspace.Fileless
}

func newEngine(config StoreConfig, completions *outlet, stopping <-chan struct{}) *engine {
	engine := &engine{
		owner:        newOwnership(),
		config:       config,
		clock:        clock.New(config.Clock, config.Elapsed),
		hot:          state.NewHot(config.CacheBytes),
		stopping:     stopping,
		writes:       newMailbox[*write](),
		reads:        newMailbox[read](),
		acknowledged: make(chan struct{}, 1),
		figures:      new(figures),
		purges:       &purges{},
		journal:      journal.NewNews(),
		fileless:     &workspace.Fileless{},
	}
	engine.source = logSource{engine: engine, completions: completions}
	engine.limits.Store(&config.Limits)
	return engine
}

// serve uses the connection until the store is closed. opened is told when reads and writes are
// taken, or why they will not be.
func (engine *engine) serve(database *sqlite.Database, opened chan<- error) {
	err := database.Use(func(session *sqlite.Session) error {
		committer := newCommitter(engine)
		if err := committer.open(session); err != nil {
			return errors.Join(err, session.Close())
		}
		loop := loop{engine: engine, expiryTimer: committer.expiryTimer, idleTimer: committer.idleTimer}
		engine.owner.release(committer)
		opened <- nil
		loop.run()
		return session.Close()
	})
	if err != nil {
		opened <- err
	}
}

// loop gives the committer its turns.
type loop struct {
	*engine
	expiryTimer, idleTimer *time.Timer
}

// run serves until both mailboxes are closed and everything taken from them is done.
func (loop loop) run() {
	housekeeping := time.NewTicker(housekeepingInterval)
	defer housekeeping.Stop()
	defer loop.expiryTimer.Stop()
	defer loop.idleTimer.Stop()
	// again is ready while there is more to do. Other work gets its turn in between.
	var again <-chan struct{}
	for more, finished := false, false; !finished; {
		if again = nil; more {
			again = always
		}
		wake := func(*committer) {}
		select {
		case <-again:
		case <-loop.writes.ready:
		case <-loop.reads.ready:
		case <-loop.acknowledged:
		case <-loop.expiryTimer.C:
			wake = (*committer).waitForExpiry
		case <-loop.idleTimer.C:
			wake = func(committer *committer) { committer.idle = true }
		case <-housekeeping.C:
			wake = (*committer).keepHouse
		}
		more, finished = loop.attend(wake)
	}
	// Nobody owns the committer after that.
	loop.owner.take().shutDown()
}

// attend takes one turn. It begins with the work that woke the goroutine.
func (loop loop) attend(wake func(committer *committer)) (more, finished bool) {
	committer := loop.owner.take()
	defer loop.owner.release(committer)
	wake(committer)
	more = committer.turn()
	if committer.callsFinished() && len(committer.underway) > 0 {
		committer.endLog()
	}
	return more, committer.finished()
}

// always is a channel that can be received from at any time.
var always = func() <-chan struct{} {
	closed := make(chan struct{})
	close(closed)
	return closed
}()
