// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/store/internal/disk"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/follow"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/mailbox"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
	"dappco.re/go/storebus/store/internal/upkeep"
)

// Engine is the part of the committer that every goroutine may touch. The committer itself is in
// the hands of its owner, and nowhere else.
type Engine struct {
	owner ownership

	config Config
	// limits are set by anybody, and hold for a batch as they are when it begins.
	limits  atomic.Pointer[kv.Limits]
	storeID string
	// suspended is the reason of Suspend, nil if there is none.
	suspended atomic.Pointer[string]
	// fault is why the store has stopped writing.
	fault disk.Fault
	// scarcity tells that the disk is full, so that its reserve is in use.
	scarcity disk.Scarcity
	// places are where the files of the database are.
	places sqlite.Places
	hot    *state.Hot
	// followers are made when the end of the log is known.
	followers *follow.Followers
	writes    *mailbox.Mailbox[*write]
	reads     *mailbox.Mailbox[read]
	// callers counts the callers that wait for a write.
	callers atomic.Int32
	// acknowledged gets a token when the log has said something of a record under way.
	acknowledged chan struct{}
	figures      *Figures
	// purges count the expiries that are logged.
	purges *upkeep.Purges

	// outlet is that of the completions.
	outlet      *mailbox.Outlet
	completions mailbox.Completions
	running     sync.WaitGroup
}

// Open brings a database up to its log, and runs the goroutines of the engine: the committer, the
// completions of its work, and the answers to readers that have waited. The goroutine of the
// callbacks starts with the first callback. Nobody else may use the database until Close returns.
func Open(config Config, database *sqlite.Database) (*Engine, error) {
	engine := newEngine(config)
	engine.places = database.Places()
	opened := make(chan error, 2)
	engine.running.Go(func() {
		defer engine.completions.Close()
		engine.serve(database, opened)
	})
	if err := <-opened; err != nil {
		engine.running.Wait()
		return nil, err
	}
	engine.running.Go(engine.completions.Run)
	engine.running.Go(engine.followers.Run)
	return engine, nil
}

func newEngine(config Config) *Engine {
	completions := mailbox.NewCompletions()
	engine := &Engine{
		owner:        newOwnership(),
		config:       config,
		hot:          state.NewHot(config.CacheBytes),
		writes:       mailbox.New[*write](),
		reads:        mailbox.New[read](),
		acknowledged: make(chan struct{}, 1),
		figures:      new(Figures),
		purges:       &upkeep.Purges{},
		outlet:       mailbox.NewOutlet(completions),
		completions:  completions,
	}
	engine.limits.Store(&config.Limits)
	return engine
}

// Close refuses new calls, carries out the calls that the engine has taken, writes the pending
// changes to the tables, and ends the goroutines. It is called once.
func (engine *Engine) Close() {
	engine.writes.Close()
	engine.reads.Close()
	engine.followers.EndCallbacks()
	engine.running.Wait()
	engine.followers.CloseWatchers()
}

// StoreID returns the id of the store.
func (engine *Engine) StoreID() string { return engine.storeID }

// Followers returns the newest part of the log, and all who follow the log.
func (engine *Engine) Followers() *follow.Followers { return engine.followers }

// Outlet returns the outlet without a sink. A goroutine of the engine calls the done functions.
func (engine *Engine) Outlet() *mailbox.Outlet { return engine.outlet }

// Figures returns the measurements, which go on.
func (engine *Engine) Figures() *Figures { return engine.figures }

// Limits returns the limits of the next batch.
func (engine *Engine) Limits() kv.Limits { return *engine.limits.Load() }

// SetLimits sets the limits of later batches.
func (engine *Engine) SetLimits(limits kv.Limits) { engine.limits.Store(&limits) }

// Suspend makes writes and expiries fail with ErrUnavailable and a reason, until it is called with
// an empty reason.
func (engine *Engine) Suspend(reason string) {
	if reason == "" {
		engine.suspended.Store(nil)
	} else {
		engine.suspended.Store(&reason)
	}
}

// Stopped returns why nothing is written any more, or nil.
func (engine *Engine) Stopped() error { return engine.fault.Stopped() }

// Reason is Stopped with all that an operator may know, and others may not.
func (engine *Engine) Reason() error { return engine.fault.Reason() }

// Scarcity returns why nothing is taken that needs room on the disk, or nil.
func (engine *Engine) Scarcity() error { return engine.scarcity.Refusal() }

// Remembered returns an entry that memory holds, or NotFoundError if memory knows that there is
// none. If into is not nil, the value is appended there, and not in the entry.
func (engine *Engine) Remembered(name kv.EntryName, into *[]byte) (entry kv.Entry, known bool, err error) {
	found, known := engine.hot.Read(name, into)
	if known {
		entry, err = engine.live(name, &found)
	}
	return entry, known, err
}

// live returns an entry, if it is there and its time has not come.
func (engine *Engine) live(name kv.EntryName, found *kv.EntryState) (kv.Entry, error) {
	if found.ExpiresAt == 0 { // nothing depends on the time
		return kv.LiveEntry(name, found, time.Time{})
	}
	told := engine.config.Clock.Tell()
	if now := told.UTC(); !found.Expired(now) {
		return kv.LiveEntry(name, found, now)
	}
	engine.config.Clock.Keep(told)
	return kv.Entry{}, failure.ErrNotFound
}

// serve uses the connection until the engine is closed. opened is told when reads and writes are
// taken, or why they will not be.
func (engine *Engine) serve(database *sqlite.Database, opened chan<- error) {
	err := database.Use(func(session *sqlite.Session) error {
		committer, err := newCommitter(engine, session)
		if err != nil {
			return errors.Join(err, session.Close())
		}
		loop := loop{Engine: engine, expiryTimer: committer.deadlines.Timer, idleTimer: committer.idleness.Timer(), lockTimer: committer.lockTimer}
		engine.owner.release(committer)
		opened <- nil
		loop.run()
		return session.Close()
	})
	if err != nil {
		opened <- err
	}
}

// housekeepingInterval is how soon after the last commit watermarks are saved, and how long
// expiries wait that cannot be logged.
const housekeepingInterval = time.Second

// loop gives the committer its turns.
type loop struct {
	*Engine
	expiryTimer, idleTimer, lockTimer *time.Timer
}

// run serves until both mailboxes are closed and everything taken from them is done.
func (loop loop) run() {
	housekeeping := time.NewTicker(housekeepingInterval)
	defer housekeeping.Stop()
	defer loop.expiryTimer.Stop()
	defer loop.idleTimer.Stop()
	defer loop.lockTimer.Stop()
	// again is ready while there is more to do. Other work gets its turn in between.
	var again <-chan struct{}
	for more, finished := false, false; !finished; {
		if again = nil; more {
			again = always
		}
		wake := func(*Committer) {}
		select {
		case <-again:
		case <-loop.writes.Ready:
		case <-loop.reads.Ready:
		case <-loop.acknowledged:
		case <-loop.expiryTimer.C:
			wake = func(committer *Committer) { committer.deadlines.Fired() }
		case <-loop.lockTimer.C:
		case <-loop.idleTimer.C:
			wake = func(committer *Committer) { committer.idleness.Begin() }
		case <-housekeeping.C:
			wake = (*Committer).keepHouse
		}
		more, finished = loop.attend(wake)
	}
	// Nobody owns the committer after that.
	loop.owner.take().shutDown()
}

// attend takes one turn. It begins with the work that woke the goroutine.
func (loop loop) attend(wake func(committer *Committer)) (more, finished bool) {
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
