// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"dappco.re/go/storebus/internal/logging"
)

// Defaults of Config.
const (
	DefaultBatchPoints    = 5000
	DefaultBatchBytes     = 4 << 20
	DefaultFlushInterval  = time.Second
	DefaultRequestTimeout = 30 * time.Second
)

// Config configures a Delivery. Queue, URL and Bucket are required.
//
//	journal.Config{Queue: queue, URL: "http://127.0.0.1:8086", Organisation: "acme", Bucket: "journal"}
type Config struct {
	Queue Queue
	// URL is the endpoint, http or https. It may have a path, which comes before /api/v2/write.
	URL          string
	Organisation string
	Bucket       string
	// Token authorises requests, or the token in TokenFile. The file is read again when the
	// endpoint answers 401 or 403. The token appears in no log and in no error.
	Token     string
	TokenFile string
	// BatchPoints and BatchBytes bound a request, before compression. 0 is DefaultBatchPoints
	// and DefaultBatchBytes.
	BatchPoints int
	BatchBytes  int
	// FlushInterval is the least time between two deliveries of fewer than BatchPoints entries.
	// An entry after a quiet time goes at once. Entries that come often wait for each other,
	// for at most this time. 0 is DefaultFlushInterval.
	FlushInterval time.Duration
	// RequestTimeout bounds a request; 0 is DefaultRequestTimeout.
	RequestTimeout time.Duration
	// Logger receives messages for the operator; nil discards them.
	Logger *slog.Logger

	// Transport carries requests; nil is a copy of http.DefaultTransport.
	Transport http.RoundTripper
	// Now tells the time; nil is time.Now. After makes the waits between attempts and for
	// FlushInterval; nil is time.After. Random gives numbers from 0 up to 1; nil is the one of
	// math/rand.
	Now    func() time.Time
	After  func(time.Duration) <-chan time.Time
	Random func() float64
}

func (config Config) withDefaults() (Config, error) {
	if config.Queue == nil {
		return config, errors.New("Queue is required")
	}
	if config.BatchPoints < 0 || config.BatchBytes < 0 || config.FlushInterval < 0 || config.RequestTimeout < 0 {
		return config, errors.New("BatchPoints, BatchBytes, FlushInterval and RequestTimeout may not be negative")
	}
	config.BatchPoints = cmp.Or(config.BatchPoints, DefaultBatchPoints)
	config.BatchBytes = cmp.Or(config.BatchBytes, DefaultBatchBytes)
	config.FlushInterval = cmp.Or(config.FlushInterval, DefaultFlushInterval)
	config.RequestTimeout = cmp.Or(config.RequestTimeout, DefaultRequestTimeout)
	config.Logger = logging.Throttle(config.Logger)
	if config.Transport == nil {
		if transport, ok := http.DefaultTransport.(*http.Transport); ok {
			config.Transport = transport.Clone()
		}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.After == nil {
		config.After = time.After
	}
	if config.Random == nil {
		config.Random = rand.Float64
	}
	return config, nil
}

// Status is the state of a delivery.
type Status struct {
	// Endpoint is the URL of the endpoint.
	Endpoint string
	// LastError says why the last attempt has failed; it is empty after a success. Brief is the
	// same without the words of the endpoint, which can repeat data that anybody has sent.
	LastError string
	Brief     string
}

// FlushOutcome is the result of a Flush.
type FlushOutcome struct {
	// Delivered and Rejected count the settled entries.
	Delivered int
	Rejected  int
}

// Delivery sends the entries of a queue to the endpoint, one request at a time.
type Delivery struct {
	config   Config
	endpoint *endpoint
	flushes  chan chan flushed

	// ctx ends the running request when Stop may wait no longer.
	ctx      context.Context //nolint:containedctx // it is the delivery's own, no call's
	cancel   context.CancelFunc
	stopping chan struct{}
	stopOnce sync.Once
	done     chan struct{}

	// logged has the Brief that the log has last; it and suspicion belong to run.
	logged    logging.Condition
	suspicion suspicion

	mutex  sync.Mutex
	status Status
}

type flushed struct {
	outcome FlushOutcome
	err     error
}

// Start begins to deliver, and returns an error for an invalid configuration. The caller stops
// the Delivery.
//
//	delivery, err := journal.Start(journal.Config{Queue: queue, URL: "http://127.0.0.1:8086", Bucket: "journal"})
func Start(config Config) (*Delivery, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("journal.Start: %w", err)
	}
	endpoint, err := newEndpoint(&config)
	if err != nil {
		return nil, fmt.Errorf("journal.Start: %w", err)
	}
	delivery := &Delivery{
		config: config, endpoint: endpoint, flushes: make(chan chan flushed), stopping: make(chan struct{}), done: make(chan struct{}),
		status: Status{Endpoint: endpoint.shown},
	}
	delivery.ctx, delivery.cancel = context.WithCancel(context.Background())
	go delivery.run()
	return delivery, nil
}

// Status returns the endpoint and the last error.
func (delivery *Delivery) Status() Status {
	if !delivery.started() {
		return Status{}
	}
	delivery.mutex.Lock()
	defer delivery.mutex.Unlock()
	return delivery.status
}

// Flush delivers the entries that are pending now, without waiting for more entries or for the
// end of a back-off. It returns how many it has settled, and ErrNotDelivered with the reason if
// some could not be sent.
//
//	outcome, err := delivery.Flush(ctx)
func (delivery *Delivery) Flush(ctx context.Context) (FlushOutcome, error) {
	if err := delivery.check(ctx); err != nil {
		return FlushOutcome{}, fmt.Errorf("journal.Flush: %w", err)
	}
	answers := make(chan flushed, 1)
	select {
	case delivery.flushes <- answers:
	case <-delivery.done:
		return FlushOutcome{}, fmt.Errorf("journal.Flush: %w", ErrStopped)
	case <-ctx.Done():
		return FlushOutcome{}, fmt.Errorf("journal.Flush: %w", ctx.Err())
	}
	select {
	case answer := <-answers:
		if answer.err != nil {
			answer.err = fmt.Errorf("journal.Flush: %w", answer.err)
		}
		return answer.outcome, answer.err
	case <-ctx.Done():
		return FlushOutcome{}, fmt.Errorf("journal.Flush: %w", ctx.Err())
	}
}

// Stop delivers the pending entries until ctx ends, and ends the delivery. Other entries stay
// in the queue. You may call it more than once.
func (delivery *Delivery) Stop(ctx context.Context) error {
	if err := delivery.check(ctx); err != nil {
		return fmt.Errorf("journal.Stop: %w", err)
	}
	delivery.stopOnce.Do(func() { close(delivery.stopping) })
	defer delivery.cancel()
	select {
	case <-delivery.done:
		return nil
	case <-ctx.Done():
		delivery.cancel()
		<-delivery.done
		return fmt.Errorf("journal.Stop: %w", ctx.Err())
	}
}

// started reports whether Start has made the delivery.
func (delivery *Delivery) started() bool { return delivery != nil && delivery.done != nil }

// check refuses a Delivery or a context that Flush and Stop cannot use.
func (delivery *Delivery) check(ctx context.Context) error {
	switch {
	case !delivery.started():
		return fmt.Errorf("%w: it was never started; use Start", ErrStopped)
	case ctx == nil:
		return errors.New("the context is nil; use context.Background()")
	default:
		return nil
	}
}

// run delivers until Stop.
func (delivery *Delivery) run() {
	defer close(delivery.done)
	defer logging.Flush(delivery.config.Logger)
	defer delivery.endpoint.client.CloseIdleConnections()
	news := delivery.config.Queue.News()
	pace := pace{config: &delivery.config}
	for {
		select {
		case <-pace.interesting(news):
			if !pace.ready() {
				continue
			}
		case <-pace.due:
		case answers := <-delivery.flushes:
			outcome, err := delivery.deliver()
			pace.delivered(err)
			answers <- flushed{outcome, err}
			continue
		case <-delivery.stopping:
			// The failure is known: it stands in the status.
			_, _ = delivery.deliver()
			return
		}
		_, err := delivery.deliver()
		pace.delivered(err)
	}
}

// deliver sends pending entries until there are none or an attempt fails. After a failure it
// begins with one entry and doubles the number. So an endpoint that is away gets small
// requests, and a slow endpoint gets as many entries as it can take within RequestTimeout.
func (delivery *Delivery) deliver() (outcome FlushOutcome, err error) {
	limit := delivery.config.BatchPoints
	if delivery.Status().LastError != "" {
		limit = 1
	}
	for more := true; more && err == nil; limit = min(2*limit, delivery.config.BatchPoints) {
		more, err = delivery.deliverBatch(limit, &outcome)
		delivery.suspicion.note(err)
		if delivery.ctx.Err() != nil {
			// Stop has broken it off: that says nothing of the endpoint.
			return outcome, err
		}
		delivery.note(err)
	}
	delivery.log()
	return outcome, err
}

func (delivery *Delivery) deliverBatch(limit int, outcome *FlushOutcome) (more bool, err error) {
	if delivery.suspicion.strong() {
		limit = 2
	}
	entries, more, err := delivery.config.Queue.Pending(limit, delivery.config.BatchBytes)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	sending := &sending{delivery: delivery, batch: encode(entries), outcome: outcome}
	defer sending.report()
	if delivery.suspicion.strong() && len(entries) == 2 {
		return true, sending.sendSuspect()
	}
	return more, sending.send(0, len(entries))
}

// note keeps the last failure.
func (delivery *Delivery) note(err error) {
	status := Status{Endpoint: delivery.endpoint.shown}
	if err != nil {
		status.LastError, status.Brief = err.Error(), "the journal cannot be read or written"
		if failure, ok := errors.AsType[*failure](err); ok {
			status.Brief = failure.answer.brief()
		}
	}
	delivery.mutex.Lock()
	defer delivery.mutex.Unlock()
	delivery.status = status
}

// log writes a line if the state of the delivery has changed.
func (delivery *Delivery) log() {
	status := delivery.Status()
	leftOut, changed := delivery.logged.Becomes(status.Brief)
	if !changed {
		return
	}
	if status.LastError != "" {
		delivery.config.Logger.Error("journal entries are kept and tried again", "endpoint", status.Endpoint, "error", status.LastError)
		return
	}
	delivery.config.Logger.Info("journal entries are delivered again", "endpoint", status.Endpoint, "left_out", leftOut)
}
