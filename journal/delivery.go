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

	// logged has the Brief that the log has last. It and the next fields belong to run.
	logged    logging.Condition
	suspicion suspicion
	lanes     lanes
	// blamed are the namespaces over which the endpoint has failed since it took a point.
	blamed map[string]bool
	// proof is how many points may still be given up until the endpoint must show again that it
	// takes requests, and took tells that it has taken points since deliver was called.
	proof int
	took  bool
	// given counts the points that were given up and not logged yet, and first is one of them.
	given int
	first Rejection

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
	delivery.lanes.config = &delivery.config
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
		case <-pace.retry:
		case answers := <-delivery.flushes:
			outcome, err := delivery.deliver()
			delivery.plan(&pace, err)
			answers <- flushed{outcome, err}
			continue
		case <-delivery.stopping:
			// The failure is known: it stands in the status.
			_, _ = delivery.deliver()
			return
		}
		_, err := delivery.deliver()
		delivery.plan(&pace, err)
	}
}

// plan says when to deliver again.
func (delivery *Delivery) plan(pace *pace, err error) {
	pace.delivered(err)
	if wait, waits := delivery.lanes.wait(delivery.config.Now()); waits {
		pace.retry = delivery.config.After(wait)
	}
}

// deliver sends pending entries until there are none or an attempt fails. After a failure it
// begins with one entry and doubles the number. So an endpoint that is away gets small
// requests, and a slow endpoint gets as many entries as it can take within RequestTimeout.
func (delivery *Delivery) deliver() (outcome FlushOutcome, err error) {
	delivery.proof, delivery.took = 0, false
	defer delivery.report()
	limit := delivery.config.BatchPoints
	if delivery.Status().LastError != "" {
		limit = 1
	}
	for more := true; more && err == nil; limit = min(2*limit, delivery.config.BatchPoints) {
		more, err = delivery.deliverRound(limit, &outcome)
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

// deliverRound sends one batch of all namespaces without a lane, and then has the turn of one
// lane.
func (delivery *Delivery) deliverRound(limit int, outcome *FlushOutcome) (more bool, err error) {
	search := search{lanes: &delivery.lanes, now: delivery.config.Now()}
	sending, more, err := delivery.prepare(limit, outcome, func(namespace string) bool {
		return search.joins(namespace) && !delivery.blamed[namespace]
	})
	if err != nil {
		return false, err
	}
	if sending == nil && len(delivery.blamed) > 0 {
		clear(delivery.blamed) // all have had their turn
		return true, nil
	}
	if sending != nil {
		sending.whole = search.found != nil
		err = delivery.sendTogether(sending)
		more = more || sending.apart > 0
	}
	if err == nil && search.found != nil {
		more, err = true, delivery.sendLane(search.found, search.namespace, limit, outcome)
	}
	if failure, ok := errors.AsType[*failure](err); ok && failure.answer.verdict == misdirected {
		delivery.lanes.forget() // no point is to blame
	}
	return more, err
}

// prepare encodes pending entries of the namespaces that wants names. It returns nil if there are
// none.
func (delivery *Delivery) prepare(limit int, outcome *FlushOutcome, wants func(namespace string) bool) (*sending, bool, error) {
	if delivery.suspicion.strong() {
		limit = 2
	}
	entries, more, err := delivery.config.Queue.Pending(limit, delivery.config.BatchBytes, wants)
	if err != nil || len(entries) == 0 {
		return nil, false, err
	}
	return newSending(delivery, outcome, entries), more, nil
}

// sendTogether sends a batch of several namespaces.
func (delivery *Delivery) sendTogether(sending *sending) error {
	if delivery.suspicion.strong() && len(sending.batch.points) == 2 {
		if len(sending.groups) == 1 {
			return sending.sendSuspect()
		}
		sending.cut(1)
	}
	err := sending.send(0, len(sending.groups))
	if len(sending.batch.points) == 1 && blamesPoint(err) {
		err = delivery.askAnother(sending, err)
	}
	return err
}

// askAnother sends a point of another namespace, after the endpoint has failed over the only point
// of a batch. If it takes the other point, the namespaces over which it has failed get lanes.
func (delivery *Delivery) askAnother(failed *sending, err error) error {
	if delivery.blamed == nil {
		delivery.blamed = map[string]bool{}
	}
	delivery.blamed[failed.namespace(0)] = true
	search := search{lanes: &delivery.lanes}
	entries, _, queueError := delivery.config.Queue.Pending(1, delivery.config.BatchBytes, func(namespace string) bool {
		return search.joins(namespace) && !delivery.blamed[namespace]
	})
	if queueError != nil || len(entries) == 0 {
		clear(delivery.blamed)
		return cmp.Or(queueError, err)
	}
	other := newSending(delivery, failed.outcome, entries)
	if otherError := other.send(0, 1); !delivery.took || otherError != nil {
		delivery.blamed[other.namespace(0)] = true
		return err
	}
	return nil
}

// sendLane has the turn of a lane: one request.
func (delivery *Delivery) sendLane(lane *lane, namespace string, limit int, outcome *FlushOutcome) error {
	delivery.lanes.begin(lane)
	sending, _, err := delivery.prepare(min(lane.size(), limit), outcome, func(name string) bool { return name == namespace })
	if err != nil || sending == nil {
		return err
	}
	defer delivery.lanes.settle(namespace)
	if delivery.suspicion.strong() && len(sending.batch.points) == 2 {
		return sending.sendSuspect()
	}
	err = sending.sendLane(lane)
	if !blamesPoint(err) || !delivery.took {
		return err
	}
	lane.failed(delivery.config.Now(), delivery.config.Random())
	if len(sending.batch.points) > 1 || lane.failures < suspiciousFailures {
		return nil
	}
	failure, _ := errors.AsType[*failure](err)
	lane.rejected()
	return sending.settle(0, 1, &failure.answer)
}

// accepted records that the endpoint has taken points. The namespaces over which it has failed
// before get lanes.
func (delivery *Delivery) accepted() {
	delivery.proof, delivery.took = delivery.config.BatchPoints, true
	for namespace := range delivery.blamed {
		delivery.lanes.part(namespace).failed(delivery.config.Now(), delivery.config.Random())
	}
	clear(delivery.blamed)
}

// giveUp counts points that were given up.
func (delivery *Delivery) giveUp(rejected []Rejection) {
	if delivery.given == 0 {
		delivery.first = rejected[0]
	}
	delivery.given += len(rejected)
	delivery.proof = max(delivery.proof-len(rejected), 0)
	if delivery.given >= delivery.config.BatchPoints {
		delivery.report()
	}
}

// report logs the refused points in one line, because a client can make any number of bad
// points.
func (delivery *Delivery) report() {
	if delivery.given > 0 {
		delivery.config.Logger.Warn("journal entries were refused and are kept aside",
			"entries", delivery.given, "first", delivery.first.ID, "namespace", delivery.first.Namespace, "reason", delivery.first.Reason)
	}
	delivery.given = 0
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
