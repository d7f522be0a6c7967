// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// ConsumerName is the publisher's name as a consumer of the log.
const ConsumerName = "publisher"

// The wait after a failure doubles from the first to the second.
const (
	minBackOff = 100 * time.Millisecond
	maxBackOff = 5 * time.Second
)

const (
	// maxEventSubject keeps the control line of a message within the broker's 4,096
	// bytes.
	maxEventSubject = 4000
	// maxKeptSubjects bounds the subjects that are kept in memory.
	maxKeptSubjects = 4096
)

// errUnconfirmed is the error of a batch that may not have reached the broker: before the
// broker answered the flush, the connection was replaced, or the broker refused
// something.
var errUnconfirmed = errors.New("the broker has not confirmed the events")

// errSmallBroker holds back events that might fit another time.
var errSmallBroker = errors.New("the broker carries too little")

// PublisherConfig configures a Publisher. Store and Connection are required.
type PublisherConfig struct {
	// Store is the store whose changes are published. The publisher does not close it.
	Store *store.Store
	// Space builds the subjects. Its zero value has the prefix "store".
	Space subjects.Space
	// Connection carries only events. An answer to a flush, without a reconnect in
	// between, shows that the broker has the events. Make the connection with
	// nats.ReconnectBufSize(-1) and nats.ReconnectOnFlusherError(), so that writing while
	// the broker is away is an error. The publisher does not close it.
	Connection *nats.Conn
	// Service, if set, is the service of the same store. The publisher shares the JSON of
	// events with the requests that have waited for them.
	Service *Service
	// Logger gets messages for an operator. Nil: they are discarded.
	Logger *slog.Logger
}

// Publisher publishes every change of the log in revision order, at least once,
// across crashes of the sidecar and outages of the broker.
type Publisher struct {
	store      *store.Store
	space      subjects.Space
	connection *nats.Conn
	logger     *slog.Logger
	consumer   *store.Consumer

	// following ends when Stop is called, and working when the time of Stop is over.
	following context.Context //nolint:containedctx // the goroutine's, no call's
	follow    context.CancelFunc
	working   context.Context //nolint:containedctx // the goroutine's, no call's
	work      context.CancelFunc
	done      chan struct{}

	// shared is nil without a service.
	shared   *sharedEvents
	message  nats.Msg
	body     []byte
	id       []byte
	prefix   string
	subjects map[string]string
	failures logging.Condition
	// settled says that the connection knows its limits, after this number of reconnects.
	settled   bool
	settledAt uint64

	mutex  sync.Mutex
	health PublisherHealth
}

// PublisherHealth counts the work of a publisher since its start.
type PublisherHealth struct {
	// Published counts the events that the broker has confirmed.
	Published uint64
	// ValuesOmitted counts the published events that went without their value.
	ValuesOmitted uint64
	// Skipped counts the changes whose names the broker cannot carry.
	Skipped uint64
	// Retries counts the batches that were begun again.
	Retries uint64
	// LastError is the reason why the last batch was begun again, nil if it was not.
	LastError error
}

// StartPublisher registers the publisher with the store and starts it. It continues after
// the last change that was confirmed before. Stop ends it.
//
//	publisher, err := handler.StartPublisher(handler.PublisherConfig{Store: store, Connection: connection})
func StartPublisher(config PublisherConfig) (*Publisher, error) {
	if config.Store == nil || config.Connection == nil {
		return nil, errors.New("handler.StartPublisher: Store and Connection are required")
	}
	consumer, err := config.Store.RegisterConsumer(ConsumerName)
	if err != nil {
		return nil, fmt.Errorf("handler.StartPublisher: %w", err)
	}
	consumer.Rewind() // a publisher before this one may have left off in the middle
	publisher := &Publisher{
		store:      config.Store,
		space:      config.Space,
		connection: config.Connection,
		logger:     logging.Throttle(config.Logger),
		consumer:   consumer,
		done:       make(chan struct{}),
		message:    nats.Msg{Header: make(nats.Header, 2)},
		prefix:     config.Store.ID() + ":",
		subjects:   make(map[string]string),
	}
	if config.Service != nil {
		publisher.shared = config.Service.sharedEvents
	}
	publisher.following, publisher.follow = context.WithCancel(context.Background())
	publisher.working, publisher.work = context.WithCancel(context.Background())
	go publisher.run()
	return publisher, nil
}

// Health returns the publisher's counts and its last error.
func (publisher *Publisher) Health() PublisherHealth {
	publisher.mutex.Lock()
	defer publisher.mutex.Unlock()
	return publisher.health
}

// Stop publishes all committed changes, and then ends the publisher. If ctx ends before,
// the rest is published after the next start. Stop may be called more than once.
func (publisher *Publisher) Stop(ctx context.Context) error {
	defer logging.Flush(publisher.logger)
	publisher.follow()
	defer publisher.work()
	select {
	case <-publisher.done:
		return nil
	case <-ctx.Done():
	}
	publisher.work()
	<-publisher.done
	return fmt.Errorf("handler.Publisher.Stop: events are left for the next start: %w", ctx.Err())
}

// run publishes until Stop. Changes that are committed before Stop go out first.
func (publisher *Publisher) run() {
	defer close(publisher.done)
	backOff := minBackOff
	for publisher.working.Err() == nil {
		err := publisher.runOnce()
		switch {
		case err == nil:
			backOff = minBackOff
		case errors.Is(err, store.ErrClosed), publisher.following.Err() != nil && errors.Is(err, context.Canceled):
			return
		default:
			publisher.retry(err, backOff)
			backOff = min(2*backOff, maxBackOff)
		}
	}
}

// runOnce publishes the pending changes, or waits for one. It acknowledges only events
// that the broker has confirmed.
func (publisher *Publisher) runOnce() error {
	commits, err := publisher.consumer.Next(publisher.following)
	if err != nil {
		return err
	}
	reconnects, refusal := publisher.connection.Stats().Reconnects, publisher.connection.LastError()
	if err := publisher.settle(reconnects); err != nil {
		return err
	}
	batch, err := publisher.publish(commits)
	if err != nil {
		return err
	}
	if err := publisher.flush(); err != nil {
		return err
	}
	// The client records a refusal before it sees the answer to a later flush. Each refusal
	// is a new error value, so another value means another refusal.
	if latest := publisher.connection.LastError(); latest != nil && latest != refusal { //nolint:errorlint // identity is meant
		return fmt.Errorf("%w: %w", errUnconfirmed, latest)
	}
	if publisher.connection.Stats().Reconnects != reconnects {
		return fmt.Errorf("%w: the connection was replaced", errUnconfirmed)
	}
	publisher.consumer.Acknowledge()
	publisher.confirm(batch)
	return nil
}

// settle waits until a new connection knows the limits of its account. The broker sends
// them right after its first answer.
func (publisher *Publisher) settle(reconnects uint64) error {
	if publisher.settled && publisher.settledAt == reconnects {
		return nil
	}
	if err := publisher.flush(); err != nil {
		return err
	}
	publisher.settled, publisher.settledAt = true, reconnects
	return nil
}

// flush waits until the broker has all events that were published before.
func (publisher *Publisher) flush() error {
	ctx, cancel := context.WithTimeout(publisher.working, flushTimeout)
	defer cancel()
	return publisher.connection.FlushWithContext(ctx)
}

// publish sends the events of the namespaces. Groups outside every namespace belong to
// the program, not to the bus.
func (publisher *Publisher) publish(commits []store.Commit) (batch PublisherHealth, err error) {
	payload := publisher.connection.MaxPayload()
	if payload < MinPayload {
		return batch, fmt.Errorf("%w: its max_payload is %d bytes, %d are needed", errSmallBroker, payload, MinPayload)
	}
	limit := eventLimit(payload)
	for _, commit := range commits {
		for index := range commit.Events {
			event := &commit.Events[index]
			if event.Namespace == "" {
				continue
			}
			if err := publisher.publishEvent(event, limit, &batch); err != nil {
				return batch, err
			}
		}
	}
	return batch, nil
}

// publishEvent sends one event. An event that the broker cannot carry is left out and
// counted. It never stops the others.
func (publisher *Publisher) publishEvent(event *store.Event, limit int, batch *PublisherHealth) error {
	subject, ok := publisher.subject(event)
	if !ok {
		batch.Skipped++
		return nil
	}
	encoded := publisher.encode(event, limit)
	if !encoded.fits {
		batch.Skipped++
		return nil
	}
	publisher.address(event, subject)
	publisher.message.Data = encoded.body
	if err := publisher.connection.PublishMsg(&publisher.message); err != nil {
		return err
	}
	batch.Published++
	if encoded.valueOmitted {
		batch.ValuesOmitted++
	}
	return nil
}

// encode returns an event as JSON, until the next event. Requests that have waited for the
// event share it.
func (publisher *Publisher) encode(event *store.Event, limit int) encodedEvent {
	if publisher.shared != nil && event.Awaited() {
		return publisher.shared.of(event, publisher.store.ID(), limit).encodedEvent
	}
	encoded := encodeEvent(publisher.body[:0], event, publisher.store.ID(), limit)
	publisher.body = encoded.body
	return encoded
}

// address sets the subject and the headers: the id of the change, which is the same at
// every publication, and the trace of the request.
func (publisher *Publisher) address(event *store.Event, subject string) {
	publisher.message.Subject = subject
	publisher.id = append(append(append(publisher.id[:0], publisher.prefix...), event.Namespace...), ':')
	publisher.id = strconv.AppendUint(publisher.id, event.Revision, 10)
	publisher.setHeader(subjects.HeaderMessageID, string(publisher.id))
	if event.TraceParent == "" {
		delete(publisher.message.Header, subjects.HeaderTraceParent)
		return
	}
	publisher.setHeader(subjects.HeaderTraceParent, event.TraceParent)
}

// setHeader writes into the slice that the header has from the message before.
func (publisher *Publisher) setHeader(name, value string) {
	if values, ok := publisher.message.Header[name]; ok {
		values[0] = value
		return
	}
	publisher.message.Header[name] = []string{value}
}

// subject returns the subject of an event's group. It reports false if the broker cannot
// carry the names.
func (publisher *Publisher) subject(event *store.Event) (string, bool) {
	subject, known := publisher.subjects[event.Group]
	if !known {
		subject = publisher.space.Event(event.Namespace, event.LocalGroup())
		if !isUTF8(event.LocalGroup()) || len(subject) > maxEventSubject || event.LocalGroup() == "" {
			subject = ""
		}
		if len(publisher.subjects) >= maxKeptSubjects {
			clear(publisher.subjects)
		}
		publisher.subjects[event.Group] = subject
	}
	return subject, subject != "" && isUTF8(event.Key)
}

// confirm adds a batch to the confirmed counts.
func (publisher *Publisher) confirm(batch PublisherHealth) {
	publisher.mutex.Lock()
	health := &publisher.health
	health.Published += batch.Published
	health.ValuesOmitted += batch.ValuesOmitted
	health.Skipped += batch.Skipped
	health.LastError = nil
	publisher.mutex.Unlock()
	if leftOut, changed := publisher.failures.Becomes(""); changed {
		publisher.logger.Info("events are published again", "left_out", leftOut)
	}
	if batch.Skipped > 0 {
		publisher.logger.Warn("changes not published: their names are not UTF-8 or too long", "changes", batch.Skipped)
	}
}

// retry goes back to the last confirmed change. It waits for the connection, if that is
// away, and for the back-off in any case.
func (publisher *Publisher) retry(err error, backOff time.Duration) {
	publisher.consumer.Rewind()
	publisher.mutex.Lock()
	publisher.health.Retries++
	publisher.health.LastError = err
	publisher.mutex.Unlock()
	if _, changed := publisher.failures.Becomes("failing"); changed {
		publisher.logger.Warn("events not published, will try again", "error", err)
	}
	connected := publisher.connection.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer publisher.connection.RemoveStatusListener(connected)
	timer := time.NewTimer(backOff)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-publisher.working.Done():
		return
	}
	if !publisher.connection.IsConnected() {
		select {
		case <-connected:
		case <-publisher.working.Done():
		}
	}
}
