// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/journal"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
	"dappco.re/go/storebus/web"
)

// The bounds of Close: after them it goes on with what comes next.
const (
	webTimeout     = 5 * time.Second
	answerTimeout  = 10 * time.Second
	publishTimeout = 5 * time.Second
	flushTimeout   = 2 * time.Second
)

// Sidecar is a store that is served on a broker.
type Sidecar struct {
	config Config
	space  subjects.Space

	broker    *server.Server // nil where it connects to another
	store     *store.Store
	requests  *nats.Conn
	events    *nats.Conn
	payload   payload
	publisher *handler.Publisher
	journal   *journal.Delivery // nil where there is no endpoint
	service   *handler.Service
	web       *web.Server // nil if there is no HTTP

	// running is set when everything above is there; awaited while the broker is away.
	running, awaited atomic.Bool

	// closing is closed when Close begins, watching joins what waits for it.
	closing   chan struct{}
	watching  sync.WaitGroup
	closeOnce sync.Once
	closeErr  error

	// done is closed when the sidecar had to stop by itself.
	done     chan struct{}
	failOnce sync.Once
	failure  error
}

// Start opens the store, starts or finds the broker, publishes what is left from
// before and begins to answer. Where the broker to connect to is away it waits
// until it comes, or until ctx ends. The caller closes the sidecar.
//
//	sidecar, err := storebus.Start(ctx, storebus.Config{DatabasePath: "./data/storebus.db"})
func Start(ctx context.Context, config Config) (*Sidecar, error) {
	if ctx == nil {
		return nil, errors.New("storebus.Start: the context is nil; use context.Background()")
	}
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("storebus.Start: %w: %w", ErrConfig, err)
	}
	config.Instance = orDefault(config.Instance, nuid.Next())
	sidecar := &Sidecar{config: config, closing: make(chan struct{}), done: make(chan struct{})}
	if err := sidecar.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("storebus.Start: %w", err), sidecar.Close())
	}
	return sidecar, nil
}

// start is the order of things. The database comes first, for what is wrong with
// it needs no broker to be said. Nothing is published before it is clear that no
// other sidecar owns the subjects, and nothing is written before the publisher is
// registered, so that it sees every change.
func (sidecar *Sidecar) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		sidecar.prepare,
		sidecar.openStore,
		sidecar.startWeb,
		sidecar.startBroker,
		sidecar.connectBoth,
		sidecar.fitStore,
		sidecar.startJournal,
		sidecar.announce,
		sidecar.startPublisher,
		sidecar.serve,
		sidecar.openWeb,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	sidecar.watching.Go(sidecar.watch)
	return nil
}

// prepare makes the subject space and creates the folders.
func (sidecar *Sidecar) prepare(context.Context) (err error) {
	if sidecar.space, err = subjects.NewSpace(sidecar.config.Prefix); err != nil {
		return err
	}
	for _, folder := range sidecar.config.folders() {
		if err := createFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

func (sidecar *Sidecar) openStore(context.Context) (err error) {
	sidecar.store, err = store.NewConfigured(sidecar.config.storeConfig())
	return err
}

// fitStore bounds what may be written by what the connections carry.
func (sidecar *Sidecar) fitStore(ctx context.Context) error {
	for _, connection := range []*nats.Conn{sidecar.requests, sidecar.events} {
		if err := settle(ctx, connection); err != nil {
			return fmt.Errorf("the broker did not answer: %w", err)
		}
	}
	return sidecar.payload.begin(sidecar.store, sidecar.requests, sidecar.events)
}

func (sidecar *Sidecar) announce(ctx context.Context) (err error) {
	config := sidecar.config.handlerConfig()
	config.Store, config.Space, config.Connection = sidecar.store, sidecar.space, sidecar.requests
	config.FitStore = sidecar.payload.fit
	if sidecar.journal != nil {
		config.Journal = journalDelivery{sidecar.journal}
	}
	sidecar.service, err = handler.Announce(ctx, config)
	return err
}

func (sidecar *Sidecar) startPublisher(context.Context) (err error) {
	sidecar.publisher, err = handler.StartPublisher(handler.PublisherConfig{
		Store: sidecar.store, Space: sidecar.space, Connection: sidecar.events, Logger: sidecar.config.Logger,
	})
	return err
}

func (sidecar *Sidecar) serve(ctx context.Context) error { return sidecar.service.Serve(ctx) }

// watch stops serving when an older sidecar turns up on the same prefix.
func (sidecar *Sidecar) watch() {
	select {
	case <-sidecar.closing:
	case err := <-sidecar.service.Superseded():
		sidecar.config.Logger.Error("no longer serving", "error", err)
		sidecar.stopService()
		sidecar.fail(err)
	}
}

// fail makes it known that the sidecar cannot go on. Its owner closes it.
func (sidecar *Sidecar) fail(err error) {
	sidecar.failOnce.Do(func() {
		sidecar.failure = err
		close(sidecar.done)
	})
}

// Done is closed when the sidecar had to stop by itself; Err says why. It is left to
// the caller to close it.
func (sidecar *Sidecar) Done() <-chan struct{} {
	if !sidecar.started() {
		never := make(chan struct{})
		close(never)
		return never
	}
	return sidecar.done
}

// started reports whether Start has made the sidecar.
func (sidecar *Sidecar) started() bool { return sidecar != nil && sidecar.done != nil }

// Err is why Done is closed: ErrOtherSidecar, ErrDisconnected or ErrNotStarted; nil before.
func (sidecar *Sidecar) Err() error {
	if !sidecar.started() {
		return ErrNotStarted
	}
	select {
	case <-sidecar.done:
		return sidecar.failure
	default:
		return nil
	}
}

// NATSURL is where a client connects. Passwords in the address of an outside
// broker are left out.
func (sidecar *Sidecar) NATSURL() string {
	switch {
	case !sidecar.started():
		return ""
	case sidecar.broker != nil:
		return brokerURL(sidecar.broker)
	}
	return sidecar.requests.ConnectedUrlRedacted()
}

// Prefix is what every subject begins with.
func (sidecar *Sidecar) Prefix() string {
	if !sidecar.started() {
		return ""
	}
	return sidecar.space.Prefix()
}

// Instance is the name of this process in the service's INFO.
func (sidecar *Sidecar) Instance() string {
	if !sidecar.started() {
		return ""
	}
	return sidecar.config.Instance
}

// StoreID is the id of the database.
func (sidecar *Sidecar) StoreID() string { return sidecar.served().ID() }

// Durability is what a success reply means.
func (sidecar *Sidecar) Durability() store.Durability { return sidecar.served().Durability() }

// served is the store, nil if there is none.
func (sidecar *Sidecar) served() *store.Store {
	if !sidecar.started() {
		return nil
	}
	return sidecar.store
}

// Close stops the sidecar. It may be called more than once, and after Done; the
// later calls wait for the first and return what it returned.
func (sidecar *Sidecar) Close() error {
	if !sidecar.started() {
		return fmt.Errorf("storebus.Close: %w", ErrNotStarted)
	}
	sidecar.closeOnce.Do(func() { sidecar.closeErr = sidecar.shutDown() })
	return sidecar.closeErr
}

// shutDown ends what start has started, as far as it came. The order: HTTP, whose feeds
// and requests need everything else; no new requests, and an answer for those in hand, so
// that nobody waits for one that does not come; then the events of what was committed and the journal, for which the store must be
// open; then the store, after which the last replies are sent; the connections, which
// everything before has used; and the broker, which the connections have used.
func (sidecar *Sidecar) shutDown() error {
	close(sidecar.closing)
	sidecar.stopWeb()
	sidecar.stopService()
	sidecar.stopPublisher()
	sidecar.stopJournal()
	sidecar.watching.Wait()
	err := sidecar.closeStore()
	if sidecar.service != nil {
		sidecar.service.Close()
	}
	sidecar.disconnect()
	if sidecar.broker != nil {
		sidecar.broker.Shutdown()
		sidecar.broker.WaitForShutdown()
	}
	logging.Flush(sidecar.config.Logger)
	if err != nil {
		return fmt.Errorf("storebus.Close: %w", err)
	}
	return nil
}

// stopService answers what is in hand. What is not answered in time is not lost: a
// client without a reply asks again.
func (sidecar *Sidecar) stopService() {
	if sidecar.service == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	if err := sidecar.service.Stop(ctx); err != nil {
		sidecar.config.Logger.Warn("stopped with requests in hand", "error", err)
	}
}

// stopPublisher publishes what is committed. What is left is in the log, and is
// published after the next start.
func (sidecar *Sidecar) stopPublisher() {
	if sidecar.publisher == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	if err := sidecar.publisher.Stop(ctx); err != nil {
		sidecar.config.Logger.Warn("stopped with events to publish", "error", err)
	}
}

func (sidecar *Sidecar) closeStore() error {
	if sidecar.store == nil {
		return nil
	}
	return sidecar.store.Close()
}
