// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/backup"
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/compaction"
	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/follow"
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/journalquery"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/limiter"
	"dappco.re/go/storebus/store/internal/mailbox"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/workspace"
)

// Store is a key-value store in one SQLite file, with groups, namespaces, expiry and a log of
// every change. Any number of goroutines may call its methods.
type Store struct {
	*shared
	outlet *mailbox.Outlet
}

// shared is what a store has in common with all that SubmitTo makes of it.
type shared struct {
	config    StoreConfig
	id        string
	database  *sqlite.Database
	marked    *marked
	engine    *engine.Engine
	followers *follow.Followers
	clock     *clock.Clock
	// renderings admits the templates that run at once.
	renderings *limiter.Limiter[struct{}]
	backingUp  atomic.Bool
	// backedUp is how many bytes a backup that is under way has copied.
	backedUp       atomic.Int64
	compacting     atomic.Bool
	workspaces     *workspace.Workspaces
	journalQueries *journalquery.Queries
	compactor      *compaction.Compactor
	// journal is what the journal tells everybody.
	journal *journal.News

	// stopped is closed when Close begins; background joins the goroutines that need
	// the committer.
	stopped    chan struct{}
	background background
	closing    atomic.Bool
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
	database, marked, err := openDatabase(config)
	if err != nil {
		return nil, fmt.Errorf("store.NewConfigured: %w", err)
	}
	store := &Store{shared: &shared{
		config: config, clock: clock.New(config.Clock, config.Elapsed), database: database, marked: marked, stopped: make(chan struct{}),
		journal: journal.NewNews(),
	}}
	store.renderings = newRenderLimiter(store.stopped)
	store.workspaces = workspace.New(workspace.Config{
		Host: storeHost{store}, Directory: config.WorkspaceStateDirectory, Synchronous: synchronousOf(config.Durability), Logger: config.Logger, Stopped: store.stopped,
	})
	store.journalQueries, store.compactor = newJournalQueries(store), newCompactor(store)
	if err := store.start(); err != nil {
		marked.close()
		return nil, fmt.Errorf("store.NewConfigured: %w", errors.Join(err, database.Close()))
	}
	if err := store.workspaces.Begin(); err != nil {
		return nil, fmt.Errorf("store.NewConfigured: workspaces: %w", errors.Join(err, store.Close()))
	}
	if marked.isBehind() {
		return store, nil
	}
	if err := store.compactor.Clear(); err != nil {
		config.Logger.Error("an unfinished archive is still to be removed; the next compaction does", slog.Any("error", err))
	}
	return store, nil
}

// start runs the engine.
func (store *Store) start() (err error) {
	config := &store.config
	store.engine, err = engine.Open(engine.Config{
		Path: store.database.Path(), Synchronous: synchronousOf(config.Durability), InMemory: config.Durability == DurabilityMemory,
		Limits: config.Limits, Retention: config.Retention, CacheBytes: config.CacheBytes, PendingBytes: config.PendingBytes,
		PurgeInterval: config.PurgeInterval, TransactionTimeout: config.TransactionTimeout,
		Clock: store.clock, Logger: config.Logger, Stopping: store.stopped,
		Tables: func(session *sqlite.Session) *batch.Tables {
			return newTables(session, config.DefaultQuota, store.journal, store.workspaces)
		},
		Newest: func(tables *batch.Tables) int64 { return journal.Of(tables).NewestAt() },
		Check:  store.marked.check, OnDisk: store.marked.noteFunc(),
		Chores: newChores(), OverLog: config.overLog,
	}, store.database)
	if err != nil {
		return err
	}
	if err := store.engine.Reason(); err != nil {
		store.marked.tell(config.Logger, err)
	}
	store.outlet, store.id, store.followers = store.engine.Outlet(), store.engine.StoreID(), store.engine.Followers()
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
		store.engine.Close()
		store.marked.close()
		store.closeErr = errors.Join(store.workspaces.Close(), store.database.Close())
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
	store.engine.SetLimits(limits)
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
	store.engine.Suspend(reason)
	return nil
}

// opened reports whether New or NewConfigured has made the store.
func (store *Store) opened() bool {
	return store != nil && store.shared != nil && store.engine != nil
}

// unusable returns why the store takes no calls, nil if it does.
func (store *Store) unusable() error {
	switch {
	case !store.opened():
		return failure.ErrNeverOpened
	case store.closing.Load():
		return failure.ErrClosed
	default:
		return nil
	}
}

// SubmitTo returns the same store, with a sink for the results of its Submit methods. The
// sink receives the calls that the writing goroutine carries out. All other calls are as
// without a sink: calls that are answered before the Submit method returns, calls that wait
// for a change, and calls with a goroutine of their own, such as SubmitRender. Close delivers
// everything to the sink before it returns. With a nil sink a goroutine of the store calls the
// done functions, as it does for the store that was opened.
//
//	results := opened.SubmitTo(sink)
//	results.Submit(store.SetCommand{Group: "acme:config", Key: "theme", Value: "dark"}, done)
func (store *Store) SubmitTo(sink Sink) *Store {
	if !store.opened() {
		return store
	}
	if sink == nil {
		return &Store{shared: store.shared, outlet: store.engine.Outlet()}
	}
	return &Store{shared: store.shared, outlet: mailbox.NewOutlet(sink)}
}

// Status returns the state of the store.
//
//	status, err := store.Status()
func (store *Store) Status() (Status, error) {
	status, err := ask(store, func(committer *engine.Committer) (Status, error) { return statusOf(store, committer) })
	if err != nil {
		return status, fmt.Errorf("store.Status: %w", err)
	}
	return status, nil
}

// SubmitStatus is Status without waiting. It calls done once, before SubmitStatus returns or
// later from a goroutine of the store. done must not block.
func (store *Store) SubmitStatus(done func(Status, error)) {
	submitAsk(store, func(committer *engine.Committer) (Status, error) { return statusOf(store, committer) }, done)
}

// Figures returns the measurements. It does not use the database, and may be called at any
// time, also by a callback.
//
//	figures := store.Figures()
func (store *Store) Figures() Figures {
	if !store.opened() {
		return Figures{}
	}
	measured := store.engine.Figures()
	figures := Figures{
		Commits: newDistribution(&measured.Commits), Syncs: newDistribution(&measured.Syncs), BatchSizes: newDistribution(&measured.BatchSizes),
		Expired: measured.Expired.Load(),
	}
	if path := store.config.DatabasePath; path != MemoryDatabase {
		figures.DatabaseBytes, figures.WriteAheadLogBytes = fileSize(path), fileSize(path+"-wal")
		if free, err := platform.DiskFree(filepath.Dir(path)); err == nil {
			figures.DiskFreeBytes = &free
		}
	}
	return figures
}

// Backup copies the store into a new file while reads and writes go on, and returns the size of
// the file in bytes. The copy has the state of one point during the call. It is whole and on
// disk before it has its name. The first store that opens the copy takes a store id of its own.
// Backup returns ErrBackupUnderway while another backup runs. It returns an error that wraps
// fs.ErrExist if path exists, or if a file beside it would be taken for a part of the copy by
// SQLite. It returns ErrInvalidName for a name that CheckFileName refuses.
//
//	bytes, err := store.Backup("/var/backups/storebus-monday.db")
func (store *Store) Backup(path string) (int64, error) {
	bytes, err := wait(func(done func(int64, error)) { store.SubmitBackup(path, done) })
	if err != nil {
		err = fmt.Errorf("store.Backup: %w", err)
	}
	return bytes, err
}

// SubmitBackup is Backup without waiting. It calls done once, before SubmitBackup returns or
// later from a goroutine of the store.
func (store *Store) SubmitBackup(path string, done func(bytes int64, err error)) {
	if !store.opened() {
		fail(done, failure.ErrNeverOpened)
		return
	}
	submitAlone(store, &store.backingUp, failure.ErrBackupUnderway, func() (int64, error) {
		if err := CheckFileName(filepath.Base(path)); err != nil {
			return 0, err
		}
		return backup.Make(backupHost{store}, path)
	}, done)
}

// PurgeExpired expires every key that is due, and returns how many keys expired during the
// call. The store also expires each key at its deadline; after PurgeExpired none is left over.
//
//	expired, err := store.PurgeExpired()
func (store *Store) PurgeExpired() (int64, error) {
	expired, err := store.purge(kv.WholeStore)
	if err != nil {
		return expired, fmt.Errorf("store.PurgeExpired: %w", err)
	}
	return expired, nil
}

// SubmitPurge is PurgeExpired without waiting. It calls done once, before SubmitPurge returns
// or later from a goroutine of the store. done must not block.
func (store *Store) SubmitPurge(done func(expired int64, err error)) {
	store.submitPurge(kv.WholeStore, done)
}

func (store *Store) purge(of kv.Realm) (int64, error) {
	return wait(func(done func(int64, error)) { store.submitPurge(of, done) })
}

func (store *Store) submitPurge(of kv.Realm, done func(expired int64, err error)) {
	if !store.opened() {
		fail(done, failure.ErrNeverOpened)
		return
	}
	err := store.engine.Purge(of, func(committer *engine.Committer, expired int64, err error) {
		answered(committer, store.outlet, done, expired, err)
	})
	if err != nil {
		fail(done, err)
	}
}

// SetQuota replaces the quota of a namespace, for later writes and across restarts. The quota of
// AllNamespaces holds for each namespace without a quota of its own. The zero Quota takes the quota
// of a namespace away. SetQuota returns ErrInvalidName for an invalid namespace.
//
//	err := store.SetQuota("acme", store.Quota{MaxKeys: 10_000, MaxBytes: 64 << 20})
func (store *Store) SetQuota(namespace string, quota Quota) error {
	_, err := store.changeQuota(namespace, changeTo(&quota))
	return namespaceError("store.SetQuota", namespace, err)
}

// Quota returns the quota of a namespace: its own, or the one of AllNamespaces.
//
//	quota, err := store.Quota("acme")
func (store *Store) Quota(namespace string) (Quota, error) {
	quota, err := store.changeQuota(namespace, QuotaChange{})
	return quota, namespaceError("store.Quota", namespace, err)
}

// SubmitQuota changes the quota of a namespace, or only reads it if change is empty, and passes
// the quota to done. It calls done once, before SubmitQuota returns or later from a goroutine
// of the store. done must not block.
func (store *Store) SubmitQuota(namespace string, change QuotaChange, done func(Quota, error)) {
	command := &commands.ChangeQuota{Namespace: namespace, Change: change}
	if err := checkQuotaNamespace(namespace); err != nil {
		fail(done, cmp.Or(store.unusable(), err))
		return
	}
	submitChange(store, command, func(err error) { tell(done, command.Quota, err) })
}

func checkQuotaNamespace(namespace string) error {
	if namespace == AllNamespaces {
		return nil
	}
	return kv.CheckNamespace(namespace)
}

func (store *Store) changeQuota(namespace string, changed QuotaChange) (Quota, error) {
	command := &commands.ChangeQuota{Namespace: namespace, Change: changed}
	if err := checkQuotaNamespace(namespace); err != nil {
		return Quota{}, cmp.Or(store.unusable(), err)
	}
	if err := change(store, command); err != nil {
		return Quota{}, err
	}
	return command.Quota, nil
}

// Usage returns the usage and the quota of a namespace. Due keys are expired first, or left out
// while nothing can be written. With very many due keys that takes longer, and holds up nobody.
//
//	usage, err := store.Usage("acme")
func (store *Store) Usage(namespace string) (Usage, error) {
	usage, err := wait(func(done func(Usage, error)) { store.SubmitUsage(namespace, done) })
	return usage, namespaceError("store.Usage", namespace, err)
}

// SubmitUsage is Usage without waiting. It calls done once, before SubmitUsage returns or later
// from a goroutine of the store. done must not block.
func (store *Store) SubmitUsage(namespace string, done func(Usage, error)) {
	if err := cmp.Or(store.unusable(), kv.CheckNamespace(namespace)); err != nil {
		fail(done, err)
		return
	}
	submitExactly(store, kv.Realm{Name: namespace}, func(committer *engine.Committer) (Usage, error) {
		used, err := committer.View().Usage(namespace)
		return Usage{
			Quota: committer.Tables().Quotas().Of(namespace),
			Keys:  used.Keys, Groups: used.Groups, Bytes: used.Bytes, Revision: used.Revision,
			JournalBytes: journal.Of(committer.Tables()).Bytes(namespace), WorkspaceBytes: store.workspaces.Bytes(namespace),
			LogBytes: committer.LogBytes(namespace),
		}, err
	}, done)
}

func namespaceError(operation, namespace string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: namespace %q: %w", operation, namespace, err)
}
