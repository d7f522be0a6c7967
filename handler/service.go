// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// ServiceName is the name of the service and of its queue group, on every broker.
const ServiceName = "storebus"

// The metadata of the service's INFO.
const (
	MetadataStore      = "store"
	MetadataInstance   = "instance"
	MetadataDurability = "durability"
	MetadataPrefix     = "prefix"
	// MetadataStarted is when the instance announced itself, in RFC 3339.
	MetadataStarted = "started"
	// MetadataOwner is "true" while the instance answers requests. It is "false" while it looks
	// for other instances.
	MetadataOwner = "owner"
)

// DefaultVersion is the version of a service without Config.Version.
const DefaultVersion = "0.0.0"

const (
	// flushTimeout is how long the broker may take to answer a flush.
	flushTimeout = 10 * time.Second
	// drainInterval is how often Stop checks whether all requests are answered.
	drainInterval = 2 * time.Millisecond
)

// Config configures a Service. Store and Connection are required.
type Config struct {
	// Store executes every request. The service does not close it.
	Store *store.Store
	// Space builds and parses the subjects. Its zero value has the prefix "store".
	Space subjects.Space
	// Connection carries only requests and replies. The service does not close it. Set
	// the connection's own handlers before.
	Connection *nats.Conn
	// FitStore, if set, is called before a write is passed to the store. It adapts the
	// store's limits to the present limits of the connection. It may not block.
	FitStore func()
	// Instance names this process. Empty: a random name.
	Instance string
	// Version is a version in SemVer. Empty: DefaultVersion.
	Version string
	// QueueLimit bounds the requests in hand. 0: DefaultQueueLimit. A namespace may take
	// more of this bound, and of the next, while it holds no more than is still free.
	QueueLimit int
	// QueueBytes bounds the bytes of the requests in hand, and separately the bytes of
	// the results that wait to be sent. 0: DefaultQueueBytes.
	QueueBytes int64
	// AloneAtStart skips the look for other instances before the first request is taken.
	// Use it for a broker that nobody else can have reached yet.
	AloneAtStart bool
	// Dials counts the attempts to connect, each before the connection is there. After another
	// attempt, no request is answered before a look for other instances. Nil: the connection is
	// never made anew.
	Dials *atomic.Uint64
	// OwnershipInterval is the time between two looks for other instances. 0:
	// DefaultOwnershipInterval.
	OwnershipInterval time.Duration
	// BackupDirectory is the existing folder that store.admin.backup writes into. Empty:
	// backups are refused.
	BackupDirectory string
	// ArchiveDirectory is the existing folder that store.admin.compact writes into.
	// Empty: compactions are refused.
	ArchiveDirectory string
	// Journal delivers journal entries. Nil: there is no endpoint.
	Journal Journal
	// Logger gets messages for an operator. Nil: they are discarded.
	Logger *slog.Logger
}

// Service answers the requests of one subject space.
type Service struct {
	store      *store.Store
	space      subjects.Space
	connection *nats.Conn
	fitStore   func()
	logger     *slog.Logger
	// traces says that the log has a line for each request.
	traces   bool
	instance string
	version  string
	started  time.Time
	// backupDirectory and archiveDirectory have the values of Config.
	backupDirectory  string
	archiveDirectory string
	journal          Journal

	queue         *queue
	replies       *replies
	waitedReplies *waitedReplies
	sharedEvents  *sharedEvents

	discovery *discovery
	endpoints map[string]*endpoint

	// serving ends with the service. Requests that wait for a change then stop waiting.
	serving  context.Context //nolint:containedctx // its end is the service's, no call's
	stopWait context.CancelFunc

	// ownership is the goroutine that looks for other instances.
	ownership ownership
	// passage is open while no other instance can own the prefix. guarding is its goroutine.
	passage    *passage
	guarding   sync.WaitGroup
	endOfGuard context.CancelFunc
}

// endpoint is one verb of a running service.
type endpoint struct {
	service    *Service
	verb       *verb
	writes     bool
	statistics *statistics
	// subscription is nil until the service serves.
	subscription *nats.Subscription
}

// handle takes one request. It runs in a callback of NATS and never waits.
func (endpoint *endpoint) handle(message *nats.Msg) {
	endpoint.statistics.received.Add(1)
	request := newRequest(endpoint, message)
	if !request.mayBeServed() {
		return
	}
	if endpoint.writes && endpoint.service.fitStore != nil {
		endpoint.service.fitStore()
	}
	endpoint.verb.serve(request)
}

// Announce shows the service on the broker, without taking requests, and makes sure that
// no other instance serves the same prefix. It returns ErrOtherSidecar, with the ids of
// both, if another instance does, and an error if the broker does not permit the look.
// Call Serve to begin to answer. Stop and Close end both.
//
//	service, err := handler.Announce(ctx, handler.Config{Store: store, Connection: connection})
func Announce(ctx context.Context, config Config) (*Service, error) {
	service, err := newService(config)
	if err != nil {
		return nil, fmt.Errorf("handler.Announce: %w", err)
	}
	before := service.connection.LastError()
	known := certainty{at: time.Now(), dials: service.passage.dials.Load()}
	err = service.announce()
	if err == nil && !config.AloneAtStart {
		known, err = service.claim(ctx, before)
	}
	if err != nil {
		service.Close()
		return nil, fmt.Errorf("handler.Announce: %w", err)
	}
	service.passage.open(known)
	guarded, end := context.WithCancel(context.Background())
	service.endOfGuard = end
	service.guarding.Go(func() { service.guard(guarded) })
	return service, nil
}

// check returns an error for a missing or invalid field.
func (config *Config) check() error {
	if config.Store == nil || config.Connection == nil {
		return errors.New("both Store and Connection are required")
	}
	if config.QueueLimit < 0 || config.QueueBytes < 0 || config.OwnershipInterval < 0 {
		return fmt.Errorf("QueueLimit %d, QueueBytes %d and OwnershipInterval %s may not be negative",
			config.QueueLimit, config.QueueBytes, config.OwnershipInterval)
	}
	return nil
}

func newService(config Config) (*Service, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	service := &Service{
		space:      config.Space,
		connection: config.Connection,
		fitStore:   config.FitStore,
		logger:     logging.Throttle(config.Logger),
		instance:   cmp.Or(config.Instance, nuid.Next()),
		version:    cmp.Or(config.Version, DefaultVersion),
		started:    time.Now().UTC(),

		backupDirectory:  config.BackupDirectory,
		archiveDirectory: config.ArchiveDirectory,
		journal:          config.Journal,

		endpoints: make(map[string]*endpoint, len(verbs)),
	}
	service.passage = newPassage(config.Dials)
	service.traces = service.logger.Enabled(context.Background(), slog.LevelDebug)
	service.ownership.interval = cmp.Or(config.OwnershipInterval, DefaultOwnershipInterval)
	service.ownership.superseded = make(chan error, 1)
	service.queue = newQueue(cmp.Or(config.QueueLimit, DefaultQueueLimit), cmp.Or(config.QueueBytes, DefaultQueueBytes))
	service.serving, service.stopWait = context.WithCancel(context.Background())
	for index := range verbs {
		verb := &verbs[index]
		service.endpoints[verb.endpointName()] = &endpoint{service: service, verb: verb, writes: verb.name.Writes(), statistics: newStatistics()}
	}
	service.replies = startReplies()
	service.store = config.Store.SubmitTo(service.replies)
	service.waitedReplies = newWaitedReplies(service.flushWaited)
	go service.waitedReplies.run()
	service.sharedEvents = newSharedEvents()
	return service, nil
}

// Serve subscribes to every verb and begins to answer. It returns when the broker has
// taken the subscriptions. Register the publisher with the store before, because it must
// see every change.
//
//	err = service.Serve(ctx)
func (service *Service) Serve(ctx context.Context) error {
	before := service.connection.LastError()
	for index := range verbs {
		if err := service.addEndpoint(&verbs[index]); err != nil {
			return fmt.Errorf("handler.Serve: %w", err)
		}
	}
	if err := service.flush(ctx); err != nil {
		return fmt.Errorf("handler.Serve: %w", err)
	}
	// The broker refuses a subscription before it answers the flush that follows.
	if err := service.refusedSince(before); err != nil && !isRefusedReply(err) {
		return fmt.Errorf("handler.Serve: the broker does not let this user serve %s.>: %w", service.space.Prefix(), err)
	}
	service.watchOwnership()
	return nil
}

// flush waits until the broker has answered everything before.
func (service *Service) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := service.connection.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("the broker did not answer: %w", err)
	}
	return nil
}

func (service *Service) addEndpoint(verb *verb) (err error) {
	endpoint := service.endpoints[verb.endpointName()]
	endpoint.subscription, err = service.connection.QueueSubscribe(verb.pattern(service.space), ServiceName, endpoint.handle)
	if err != nil {
		return err
	}
	service.discovery.add(endpoint)
	// The bound is the queue, which answers; a bound of the subscription would drop.
	return endpoint.subscription.SetPendingLimits(-1, -1)
}

// Instance returns the name of this process in INFO and in the status.
func (service *Service) Instance() string { return service.instance }

// Prefix returns the beginning of every subject: "store".
func (service *Service) Prefix() string { return service.space.Prefix() }

// Started returns the time at which the service was announced.
func (service *Service) Started() time.Time { return service.started }

// Writes returns the number of committed writes since the store was opened; a transaction is
// one write.
func (service *Service) Writes() uint64 { return service.store.Figures().BatchSizes.Sum }

// Journal returns the state of the journal of all namespaces. Its LastError has no text from
// the endpoint, which can repeat values.
func (service *Service) Journal() *subjects.JournalStatus {
	status, _ := service.journalStatus()
	return status
}

// HasJournal reports whether the journal has an endpoint.
func (service *Service) HasJournal() bool { return service.journal != nil }

// Queue returns the requests in hand and their bounds.
func (service *Service) Queue() subjects.QueueStatus { return service.queue.status() }

// Waiting returns the number of requests that wait for a change.
func (service *Service) Waiting() int { return int(service.queue.inHand()[inHandWaiting]) }

// Statistics returns the figures of every endpoint by its name: "get", "set_raw".
func (service *Service) Statistics() map[string]EndpointStatistics {
	figures := make(map[string]EndpointStatistics, len(service.endpoints))
	queue := service.queue.status()
	journal, _ := service.journalStatus()
	for name, endpoint := range service.endpoints {
		figures[name] = endpoint.statistics.snapshot(queue, journal)
	}
	return figures
}

// Stop takes no more requests and waits until all requests in hand are answered, or until
// ctx ends. Requests that wait for a change are answered at once. Stop may be called more
// than once.
func (service *Service) Stop(ctx context.Context) error {
	service.ownership.stop()
	service.stopWait()
	if service.discovery == nil {
		return nil
	}
	if err := service.discovery.stop(); err != nil {
		return fmt.Errorf("handler.Stop: %w", err)
	}
	ticker := time.NewTicker(drainInterval)
	defer ticker.Stop()
	for !service.idle() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("handler.Stop: %d requests not answered: %w", service.queue.status().Requests, ctx.Err())
		}
	}
	return nil
}

// idle reports whether all requests from the broker are answered. A connection that is
// away delivers no requests.
func (service *Service) idle() bool {
	drained := service.connection.NumSubscriptions() == 0 || !service.connection.IsConnected()
	return drained && service.queue.inHand() == portion{}
}

// Close ends the service. Call it after Stop and after the store is closed: the answers
// of the closing store are sent first.
func (service *Service) Close() {
	service.ownership.stop()
	service.stopWait()
	if service.discovery != nil {
		// Stopping a second time, or on a closed connection, has nothing to report.
		_ = service.discovery.stop()
	}
	service.replies.close()
	service.waitedReplies.close()
	if service.endOfGuard != nil {
		service.endOfGuard()
		service.guarding.Wait()
	}
	logging.Flush(service.logger)
}

// eventLimit returns the largest body of an event with its value, on the present
// connection.
func (service *Service) eventLimit() int { return eventLimit(service.connection.MaxPayload()) }
