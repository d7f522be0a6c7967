// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nuid"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/journal"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
	"dappco.re/go/storebus/web"
)

// The bounds of Close. After a bound, Close goes on with the next step. All steps together end
// within closeTimeout, even if the broker, the readers of HTTP and the endpoint of the journal all
// hang. Only a disk that hangs can hold up the store itself.
const (
	closeTimeout = 9 * time.Second
	// answerTimeout is for HTTP and the requests in hand, deliverTimeout for the events and the
	// journal, flushTimeout for the last replies, and lastTimeout for the embedded broker.
	answerTimeout  = 3 * time.Second
	deliverTimeout = 3 * time.Second
	flushTimeout   = time.Second
	lastTimeout    = 2 * time.Second
	// cutDelay is how long a step may take to see that its time is over. After that the
	// connections that hold it are cut.
	cutDelay = 250 * time.Millisecond
)

// Sidecar serves a store on a broker.
type Sidecar struct {
	config Config
	space  subjects.Space

	broker *server.Server // nil if it connects to another
	// temporary is the folder of a broker whose sidecar keeps nothing on disk, "" if there is none.
	temporary string
	store     *store.Store
	journal   *journal.Delivery // nil if there is no endpoint
	web       *web.Server       // nil if there is no HTTP
	// bus is nil before the sidecar serves, and while it joins the broker anew.
	bus atomic.Pointer[bus]

	// running is set when everything above is there; awaited while the broker is away.
	running, awaited atomic.Bool

	// living ends when Close begins; watching joins the goroutine that waits for it.
	living context.Context //nolint:containedctx // its end is the sidecar's, no call's
	die    context.CancelFunc
	// closing ends when the time of Close is over.
	closing   context.Context //nolint:containedctx // its end is the sidecar's, no call's
	giveUp    context.CancelFunc
	watching  sync.WaitGroup
	closeOnce sync.Once
	closeErr  error

	// done is closed when the sidecar had to stop by itself.
	done     chan struct{}
	failOnce sync.Once
	failure  error
}

// Start opens the store, starts or finds the broker, publishes the remaining events, and
// begins to answer. If an outside broker is away, Start waits for it until ctx ends. The
// caller must close the sidecar.
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
	config.Instance = cmp.Or(config.Instance, nuid.Next())
	sidecar := &Sidecar{config: config, done: make(chan struct{})}
	sidecar.living, sidecar.die = context.WithCancel(context.Background())
	sidecar.closing, sidecar.giveUp = context.WithCancel(context.Background())
	if err := sidecar.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("storebus.Start: %w", err), sidecar.Close())
	}
	return sidecar, nil
}

// start is the order of things. The database comes first: its faults are reported
// without a broker.
func (sidecar *Sidecar) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		sidecar.prepare,
		sidecar.openStore,
		sidecar.startWeb,
		sidecar.startBroker,
		sidecar.startJournal,
		sidecar.joinFirst,
		sidecar.openWeb,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	sidecar.watching.Go(sidecar.watch)
	return nil
}

// prepare makes the subject space and creates the folders. A start that would create the
// database, and then find its addresses in use, ends before it has created anything.
func (sidecar *Sidecar) prepare(context.Context) (err error) {
	if sidecar.space, err = subjects.NewSpace(sidecar.config.Prefix); err != nil {
		return err
	}
	if err := sidecar.config.checkAddresses(); err != nil {
		return err
	}
	for _, folder := range sidecar.config.folders() {
		if err := platform.CreateFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

func (sidecar *Sidecar) openStore(context.Context) (err error) {
	sidecar.store, err = store.NewConfigured(sidecar.config.storeConfig())
	return err
}

// fail makes it known that the sidecar cannot go on. Its owner closes it.
func (sidecar *Sidecar) fail(err error) {
	sidecar.failOnce.Do(func() {
		sidecar.failure = err
		close(sidecar.done)
	})
}

// Done returns a channel that is closed if the sidecar had to stop without Close. Err says why.
// The caller still calls Close.
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

// Err returns why Done is closed: ErrOtherSidecar or ErrNotStarted. Before that it is nil.
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

// NATSURL returns the address for clients, without the passwords of an outside broker. It is
// empty while the outside broker is away.
func (sidecar *Sidecar) NATSURL() string {
	switch {
	case !sidecar.started():
		return ""
	case sidecar.broker != nil:
		return brokerURL(sidecar.broker)
	}
	if joined := sidecar.bus.Load(); joined != nil {
		return joined.requests.ConnectedUrlRedacted()
	}
	return ""
}

// Prefix returns the beginning of every subject.
func (sidecar *Sidecar) Prefix() string {
	if !sidecar.started() {
		return ""
	}
	return sidecar.space.Prefix()
}

// Instance returns the name of this process in the INFO of the service.
func (sidecar *Sidecar) Instance() string {
	if !sidecar.started() {
		return ""
	}
	return sidecar.config.Instance
}

// StoreID returns the id of the database.
func (sidecar *Sidecar) StoreID() string { return sidecar.served().ID() }

// Durability returns the durability of a success reply.
func (sidecar *Sidecar) Durability() store.Durability { return sidecar.served().Durability() }

// served is the store, nil if there is none.
func (sidecar *Sidecar) served() *store.Store {
	if !sidecar.started() {
		return nil
	}
	return sidecar.store
}

// Close stops the sidecar. You may call it more than once, and after Done. Later calls wait for
// the first call and return its result.
func (sidecar *Sidecar) Close() error {
	if !sidecar.started() {
		return fmt.Errorf("storebus.Close: %w", ErrNotStarted)
	}
	sidecar.closeOnce.Do(func() { sidecar.closeErr = sidecar.shutDown() })
	return sidecar.closeErr
}

// shutDown ends the parts that have started; Start may have failed halfway. HTTP ends
// first, because its feeds and requests need everything else. Then no new requests are
// taken, and the requests in hand are answered, so that no client waits in vain. Then the
// committed events and the journal go out, which needs the open store. Then the store
// closes, and the last replies are sent. Then the connections close, and last the broker,
// which the connections use.
func (sidecar *Sidecar) shutDown() error {
	sidecar.die()
	deadline := time.AfterFunc(closeTimeout, sidecar.giveUp)
	defer sidecar.giveUp()
	defer deadline.Stop()
	sidecar.watching.Wait()
	joined := sidecar.bus.Load()
	sidecar.stopServing(joined)
	sidecar.deliverRest(joined)
	err := sidecar.closeStore()
	sidecar.leave(joined)
	sidecar.stopBroker()
	if sidecar.temporary != "" {
		err = errors.Join(err, os.RemoveAll(sidecar.temporary))
	}
	logging.Flush(sidecar.config.Logger)
	if err != nil {
		return fmt.Errorf("storebus.Close: %w", err)
	}
	return nil
}

// stopServing ends HTTP, and then takes no more requests and answers the requests in hand.
// Requests from HTTP use the service too, so a time for both is shared.
func (sidecar *Sidecar) stopServing(joined *bus) {
	sidecar.within(answerTimeout, joined, func(ctx context.Context) {
		var ending sync.WaitGroup
		ending.Go(func() { sidecar.stopWeb(ctx) })
		sidecar.stopService(ctx, joined)
		ending.Wait()
	})
}

// deliverRest publishes the committed changes and delivers the journal at the same time, so that
// neither waits for a hanging other one.
func (sidecar *Sidecar) deliverRest(joined *bus) {
	sidecar.within(deliverTimeout, joined, func(ctx context.Context) {
		var delivering sync.WaitGroup
		delivering.Go(func() { sidecar.stopJournal(ctx) })
		sidecar.stopPublisher(ctx, joined)
		delivering.Wait()
	})
}

// within runs a step with a context that ends after limit, or with the time of Close. If a
// connection still holds the step then, because the broker takes nothing, both connections are cut.
func (sidecar *Sidecar) within(limit time.Duration, joined *bus, step func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(sidecar.closing, limit)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	context.AfterFunc(ctx, func() {
		select {
		case <-done:
		case <-time.After(cutDelay):
			joined.cut()
		}
	})
	step(ctx)
}

// stopBroker stops the sidecar's own broker. A client that takes nothing can hold it up until the
// broker gives the client up, and nobody waits for that.
func (sidecar *Sidecar) stopBroker() {
	if sidecar.broker == nil {
		return
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		sidecar.broker.Shutdown()
		sidecar.broker.WaitForShutdown()
	}()
	select {
	case <-stopped:
	case <-time.After(lastTimeout):
	case <-sidecar.closing.Done():
	}
}

func (sidecar *Sidecar) closeStore() error {
	if sidecar.store == nil {
		return nil
	}
	return sidecar.store.Close()
}
