// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/store/internal/archivefile"
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/follow"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/limiter"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
)

// Store is a key-value store in one SQLite file, with groups, namespaces, expiry and a log of
// every change. Any number of goroutines may call its methods.
type Store struct {
	*shared
	outlet *outlet
}

// shared is what a store has in common with all that SubmitTo makes of it.
type shared struct {
	config    StoreConfig
	id        string
	database  *sqlite.Database
	engine    *engine
	followers *follow.Followers
	// completions is the outlet of a store without a sink.
	completions *outlet
	// renderings admits the templates that run at once.
	renderings *limiter.Limiter[struct{}]
	// callers counts the callers that wait for a write.
	callers        atomic.Int32
	backingUp      atomic.Bool
	compacting     atomic.Bool
	workspaces     *workspaces
	journalQueries *journalQueries
	// archiveBounds bounds the archives that the store writes.
	archiveBounds archivefile.Bounds

	// stopped is closed when Close begins; background joins the goroutines that need
	// the committer, running the others.
	stopped    chan struct{}
	background background
	closing    atomic.Bool
	running    sync.WaitGroup
	closeOnce  sync.Once
	closeErr   error
}

// StoreOption changes the configuration of New.
type StoreOption func(*StoreConfig)

// WithPurgeInterval sets StoreConfig.PurgeInterval.
//
//	store.New("storebus.db", store.WithPurgeInterval(time.Minute))
func WithPurgeInterval(interval time.Duration) StoreOption {
	return func(config *StoreConfig) { config.PurgeInterval = interval }
}

// New is NewConfigured with a path and options. The caller closes the store.
//
//	opened, err := store.New(":memory:")
func New(databasePath string, options ...StoreOption) (*Store, error) {
	config := StoreConfig{DatabasePath: databasePath}
	for index, option := range options {
		if option == nil {
			return nil, fmt.Errorf("store.New: %w: option %d of %d is nil", failure.ErrInvalidArgument, index+1, len(options))
		}
		option(&config)
	}
	return NewConfigured(config)
}

// NewConfigured opens a store. It creates the database file if it is missing, and upgrades it
// if it is old. The caller closes the store. NewConfigured returns ErrDatabaseInUse,
// ErrDatabaseFromFuture or ErrNotAStore for a file that it cannot open as a store.
//
//	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: "storebus.db"})
func NewConfigured(config StoreConfig) (*Store, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("store.NewConfigured: %w", err)
	}
	database, err := openDatabase(config)
	if err != nil {
		return nil, fmt.Errorf("store.NewConfigured: %w", err)
	}
	store := &Store{shared: &shared{config: config, database: database, stopped: make(chan struct{}), archiveBounds: archivefile.DefaultBounds}}
	store.renderings = store.newRenderLimiter()
	store.workspaces = newWorkspaces(storeHost{store}, workspaceConfig{
		directory: config.WorkspaceStateDirectory, durability: config.Durability, logger: config.Logger, stopped: store.stopped,
	})
	store.journalQueries = newJournalQueries(store)
	if err := store.start(); err != nil {
		return nil, fmt.Errorf("store.NewConfigured: %w", errors.Join(err, database.Close()))
	}
	if err := store.workspaces.begin(); err != nil {
		return nil, fmt.Errorf("store.NewConfigured: workspaces: %w", errors.Join(err, store.Close()))
	}
	if err := store.clearArchives(); err != nil {
		config.Logger.Error("an unfinished archive is still to be removed; the next compaction does", slog.Any("error", err))
	}
	return store, nil
}

// start runs the goroutines of the store: the committer, the completions of its work, and the
// answers to readers that have waited. The goroutine of the callbacks starts with the first
// callback.
func (store *Store) start() error {
	opened := make(chan error, 2)
	completions := newCompletions()
	store.completions = &outlet{sink: completions}
	store.engine = newEngine(store.config, store.completions, store.stopped)
	store.outlet = store.completions
	store.running.Go(func() {
		defer completions.close()
		store.engine.serve(store.database, opened)
	})
	if err := <-opened; err != nil {
		store.running.Wait()
		return err
	}
	store.id, store.followers = store.engine.storeID, store.engine.followers
	store.running.Go(completions.run)
	store.running.Go(store.followers.Run)
	return nil
}

// Close refuses new calls, carries out the calls that it has taken, writes the pending changes
// to the tables, and releases the database. It closes the channels of Watch. You may call it
// again; later calls return the first result. Close waits for a running callback of OnChange.
// If the callback itself calls Close, that call waits neither for the callback nor for another
// Close, which waits for the callback.
func (store *Store) Close() error {
	if !store.opened() {
		return fmt.Errorf("store.Close: %w", failure.ErrNeverOpened)
	}
	if store.closing.Swap(true) && store.followers.InCallback() {
		return nil
	}
	store.closeOnce.Do(func() {
		close(store.stopped)
		store.background.stop()
		store.engine.writes.close()
		store.engine.reads.close()
		store.followers.EndCallbacks()
		store.running.Wait()
		store.followers.CloseWatchers()
		store.closeErr = errors.Join(store.workspaces.close(), store.database.Close())
		logging.Flush(store.config.Logger)
	})
	if store.closeErr != nil {
		return fmt.Errorf("store.Close: %w", store.closeErr)
	}
	return nil
}

// Config returns the configuration of the store with the defaults filled in. NewConfigured
// takes it again. Limits has the first limits, whatever SetLimits has changed since.
//
//	interval := store.Config().PurgeInterval // time.Minute
func (store *Store) Config() StoreConfig {
	if !store.opened() {
		return StoreConfig{}
	}
	config := store.config
	if config.Durability == DurabilityMemory {
		config.Durability = "" // it follows from the path, and cannot be asked for
	}
	return config
}

// DatabasePath returns the SQLite file, or MemoryDatabase: StoreConfig.DatabasePath.
func (store *Store) DatabasePath() string { return store.Config().DatabasePath }

// JournalConfiguration returns the endpoint for journal entries; the zero value without one.
func (store *Store) JournalConfiguration() JournalConfiguration { return store.Config().Journal }

// JournalConfigured reports whether journal entries wait for delivery to an endpoint.
func (store *Store) JournalConfigured() bool { return store.JournalConfiguration().EndpointURL != "" }

// IsClosed reports whether Close has begun, or the store was never opened. All calls return
// ErrClosed then.
func (store *Store) IsClosed() bool { return store.unusable() != nil }

// ID returns the store's id. The id is random, made with the database and kept in the database.
func (store *Store) ID() string {
	if !store.opened() {
		return ""
	}
	return store.id
}

// Durability returns what a successful write means.
func (store *Store) Durability() Durability {
	if !store.opened() {
		return ""
	}
	return store.config.Durability
}

// SetLimits replaces StoreConfig.Limits for later writes. Existing entries stay. It does not
// wait.
//
//	err := store.SetLimits(store.Limits{GroupBytes: 512, KeyBytes: 2048, EntryBytes: 1 << 20})
func (store *Store) SetLimits(limits kv.Limits) error {
	if err := cmp.Or(store.unusable(), kv.CheckLimits(limits)); err != nil {
		return fmt.Errorf("store.SetLimits: %w", err)
	}
	store.engine.limits.Store(&limits)
	return nil
}

// Suspend makes writes, and expiries, fail with ErrUnavailable and a reason, until it is called
// with an empty reason. Use it if changes could not be announced. Keys whose deadline comes are
// absent all the same. The Status tells the reason. It does not wait.
//
//	err := store.Suspend("the broker carries too little") // and store.Suspend("") later
func (store *Store) Suspend(reason string) error {
	if err := store.unusable(); err != nil {
		return fmt.Errorf("store.Suspend: %w", err)
	}
	if reason == "" {
		store.engine.suspended.Store(nil)
	} else {
		store.engine.suspended.Store(&reason)
	}
	return nil
}

// Submit hands a command to the committer and returns. It calls done once, after the commit or
// with the error, from a goroutine of the store. If the store is closed, it calls done before
// Submit returns. The store calls the done functions of all Submits one after the other, so
// done must not block; SubmitTo changes who calls them. Commands that name the same group are
// carried out in the order of Submit. A DeletePrefixCommand names no group.
//
//	store.Submit(store.SetCommand{Group: "acme:config", Key: "theme", Value: "dark"},
//		func(outcome store.Outcome, err error) { … })
func (store *Store) Submit(command Command, done func(Outcome, error)) {
	err := commands.Check(command)
	if err == nil {
		err = store.put(&write{command: command, done: done})
	}
	if err != nil {
		fail(done, err)
	}
}

// execute carries out a command for a caller that waits, and runs the callbacks
// of OnChange for it.
func (store *Store) execute(command Command) (Outcome, error) {
	write, err := store.carryOut(command, batch.Origin{FromCaller: true})
	if write == nil {
		return Outcome{}, err
	}
	store.followers.RunCallbacks(write.events)
	return write.outcome, err
}

// carryOut is execute without the callbacks. The write that it returns is nil if the store is
// closed.
func (store *Store) carryOut(command Command, origin batch.Origin) (*write, error) {
	if !store.opened() {
		return nil, failure.ErrNeverOpened
	}
	defer store.callers.Add(-1)
	write := &write{command: command, origin: origin}
	// Callers that come together share a commit and its cost on disk.
	if alone := store.callers.Add(1) == 1; alone || store.config.Durability == DurabilityMemory {
		if store.engine.carryOutHere(write) {
			return write, write.err
		}
	}
	if write.written == nil {
		write.written = make(chan struct{})
		if err := store.put(write); err != nil {
			return nil, err
		}
	}
	<-write.written
	return write, write.err
}

// submitRead hands a question to the committer; failed is called instead if the store is
// closed.
func (store *Store) submitRead(question read, failed func(err error)) {
	switch {
	case !store.opened():
		failed(failure.ErrNeverOpened)
	case !store.engine.reads.put(question):
		failed(failure.ErrClosed)
	}
}

// inView is a question that needs the view alone.
func inView[Answer any](question func(view *state.View) (Answer, error)) func(committer *committer) (Answer, error) {
	return func(committer *committer) (Answer, error) { return question(committer.view) }
}

// atTime is a question that needs the view and the store's time.
func atTime[Answer any](question func(view *state.View, now time.Time) (Answer, error)) func(committer *committer) (Answer, error) {
	return func(committer *committer) (Answer, error) { return question(committer.view, committer.clock.Now()) }
}

// ask puts a question to the committer and waits for the answer.
func ask[Answer any](store *Store, question func(committer *committer) (Answer, error)) (Answer, error) {
	return wait(func(done func(Answer, error)) {
		store.submitRead(func(committer *committer) { done(question(committer)) }, func(err error) { fail(done, err) })
	})
}

// submitAsk is ask for a caller that does not wait.
func submitAsk[Answer any](store *Store, question func(committer *committer) (Answer, error), done func(Answer, error)) {
	store.submitRead(func(committer *committer) {
		answer, err := question(committer)
		answered(committer, store.outlet, done, answer, err)
	}, func(err error) { fail(done, err) })
}

// change carries out a command of the store's own, although the writes of callers may be
// refused, and waits.
func change(store *Store, command Command) error {
	_, err := wait(func(done func(struct{}, error)) {
		store.submitRead(func(committer *committer) {
			committer.commitOwn(command, func(err error) { done(struct{}{}, err) })
		}, func(err error) { fail(done, err) })
	})
	return err
}

// submitChange is change for a caller that does not wait.
func submitChange(store *Store, command Command, done func(error)) {
	store.submitRead(func(committer *committer) {
		committer.commitOwn(command, func(err error) {
			committer.outbox.add(store.outlet, completion(func() { done(err) }))
		})
	}, done)
}

// look is ask for a question that changes nothing, which the caller answers itself
// while the committer is free.
func look[Answer any](store *Store, question func(committer *committer) (Answer, error)) (Answer, error) {
	if store.opened() {
		if committer := store.engine.lendForRead(); committer != nil {
			defer committer.owner.release(committer)
			return question(committer)
		}
	}
	return ask(store, question)
}

// askExactly is ask for a question about how many keys there are in a realm.
func askExactly[Answer any](store *Store, of kv.Realm, question func(committer *committer) (Answer, error)) (Answer, error) {
	return wait(func(done func(Answer, error)) {
		store.submitRead(func(committer *committer) {
			committer.exactly(of, func() { done(question(committer)) })
		}, func(err error) { fail(done, err) })
	})
}

// submitExactly is askExactly for a caller that does not wait.
func submitExactly[Answer any](store *Store, of kv.Realm, question func(committer *committer) (Answer, error), done func(Answer, error)) {
	store.submitRead(func(committer *committer) {
		committer.exactly(of, func() {
			answer, err := question(committer)
			answered(committer, store.outlet, done, answer, err)
		})
	}, func(err error) { fail(done, err) })
}

// answered has the committer hand over the answer to a caller that does not wait.
func answered[Answer any](committer *committer, outlet *outlet, done func(Answer, error), answer Answer, err error) {
	if done != nil {
		committer.outbox.add(outlet, completion(func() { done(answer, err) }))
	}
}

// SubmitRequest is Submit for a command that is answered in the same transaction: the Outcome
// has the Answer. If the request has an id, the store remembers a success for RetryWindow,
// across a restart. The same request then gets the same answer, and is not carried out again.
// Errors are not remembered. If the answer to a request with an id is longer than
// MaxAnswerBytes, the error is TooLargeError, and nothing is changed.
//
//	store.SubmitRequest(store.Request{Namespace: "acme", ID: "4Xr9", Digest: digest, Answer: encode},
//		store.IncrementCommand{Group: "acme:counters", Key: "visits", By: 1},
//		func(outcome store.Outcome, err error) { … })
func (store *Store) SubmitRequest(request Request, command Command, done func(Outcome, error)) {
	if err := commands.Check(command); err != nil {
		fail(done, err)
		return
	}
	store.Submit(commands.Answer(request, command), done)
}
