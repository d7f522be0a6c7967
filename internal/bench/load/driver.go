// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"dappco.re/go/storebus/internal/histogram"
	"dappco.re/go/storebus/subjects"
)

// ReplyTimeout is the longest wait for a reply.
const ReplyTimeout = 10 * time.Second

// Loop is a closed loop: InFlight requests are outstanding, and each reply is followed by
// the next request in its place.
type Loop struct {
	Connections []*nats.Conn
	Operation   Operation
	InFlight    int
	// Duration is the time in which requests are sent; the last replies are waited for. If
	// it is 0, the loop goes on until it is stopped, or has no more keys.
	Duration time.Duration
	Keys     keySource
	Values   *ValuePool
	Seed     uint64
	// WithIDs gives each request a message id of its own.
	WithIDs bool
	// Silence is the longest time without any reply before the loop gives up. If it is 0,
	// it is ReplyTimeout.
	Silence time.Duration
	// Observe, if it is set, is called with the revision and the time of every success. It
	// runs on the goroutine that receives replies, and must not wait.
	Observe func(revision uint64, at time.Time)
}

// Outcome is the result of a loop.
type Outcome struct {
	Served, Failed uint64
	// Failure is the first of the errors.
	Failure   error
	Latencies histogram.Fine
	// Revision is the highest revision in a reply.
	Revision uint64
}

// Drive is a running loop, with a lane for each connection.
type Drive struct {
	Loop
	epoch time.Time
	// ends is the time since epoch after which nothing is sent.
	ends  atomic.Int64
	lanes []*lane
}

// lane is the part of a loop on one connection. One subscription receives its replies. The
// last token of their subject is the slot of the request.
type lane struct {
	drive        *Drive
	connection   *nats.Conn
	subscription *nats.Subscription
	inbox        string
	replies      []string // the reply subject of each slot
	done         chan struct{}
	lastReply    atomic.Int64

	mutex       sync.Mutex
	sentAt      []time.Duration // by slot
	outstanding int
	random      *rand.Rand
	buffer      []byte
	outcome     Outcome
	// request is the message of requests with ids.
	request nats.Msg
}

// Run runs a loop and waits for its last reply.
func (loop Loop) Run(ctx context.Context) (*Outcome, error) {
	drive, err := loop.Start()
	if err != nil {
		return nil, err
	}
	return drive.Wait(ctx)
}

// Start sends the first requests. The caller must call Wait.
func (loop Loop) Start() (*Drive, error) {
	if loop.Silence == 0 {
		loop.Silence = ReplyTimeout
	}
	drive := &Drive{Loop: loop}
	drive.ends.Store(int64(loop.Duration))
	if loop.Duration == 0 {
		drive.ends.Store(int64(365 * 24 * time.Hour))
	}
	connections := min(len(loop.Connections), loop.InFlight)
	for index := range connections {
		slots := (loop.InFlight + index) / connections
		lane, err := drive.newLane(loop.Connections[index], slots, uint64(index))
		if err != nil {
			drive.close()
			return nil, err
		}
		drive.lanes = append(drive.lanes, lane)
	}
	drive.epoch = time.Now()
	for _, lane := range drive.lanes {
		lane.begin()
	}
	return drive, nil
}

func (drive *Drive) newLane(connection *nats.Conn, slots int, index uint64) (*lane, error) {
	lane := &lane{
		drive:      drive,
		connection: connection,
		inbox:      connection.NewInbox() + ".",
		replies:    make([]string, slots),
		sentAt:     make([]time.Duration, slots),
		done:       make(chan struct{}),
		random:     rand.New(rand.NewPCG(drive.Seed, index)),
	}
	for slot := range slots {
		lane.replies[slot] = lane.inbox + strconv.Itoa(slot)
	}
	var err error
	if lane.subscription, err = Listen(connection, lane.inbox+"*", lane.receive); err != nil {
		return nil, err
	}
	return lane, nil
}

// Listen subscribes with unlimited pending messages: the requests in flight bound them.
func Listen(connection *nats.Conn, subject string, handle nats.MsgHandler) (*nats.Subscription, error) {
	subscription, err := connection.Subscribe(subject, handle)
	if err != nil {
		return nil, err
	}
	return subscription, subscription.SetPendingLimits(-1, -1)
}

// Pause waits while the requests go on.
func (drive *Drive) Pause(ctx context.Context, duration time.Duration) error {
	return pause(ctx, duration)
}

// Stop prevents further requests.
func (drive *Drive) Stop() { drive.ends.Store(0) }

// Wait waits until every request has its reply, and returns the outcome. A request without
// a reply counts as failed.
func (drive *Drive) Wait(ctx context.Context) (*Outcome, error) {
	defer drive.close()
	for _, lane := range drive.lanes {
		if err := lane.wait(ctx); err != nil {
			return nil, err
		}
	}
	total := &Outcome{}
	for _, lane := range drive.lanes {
		total.add(lane.result())
	}
	return total, nil
}

func (drive *Drive) close() {
	for _, lane := range drive.lanes {
		// It fails only if the connection is closed, and the subscription with it.
		_ = lane.subscription.Unsubscribe()
	}
}

// begin sends the first request of every slot.
func (lane *lane) begin() {
	lane.mutex.Lock()
	defer lane.mutex.Unlock()
	lane.lastReply.Store(int64(time.Since(lane.drive.epoch)))
	lane.outstanding = len(lane.replies)
	for slot := range lane.replies {
		lane.send(slot)
	}
}

// receive handles a reply, and sends the next request in its place.
func (lane *lane) receive(reply *nats.Msg) {
	at := time.Since(lane.drive.epoch)
	slot, err := strconv.Atoi(reply.Subject[len(lane.inbox):])
	if err != nil || slot >= len(lane.replies) {
		return
	}
	lane.lastReply.Store(int64(at))
	lane.mutex.Lock()
	defer lane.mutex.Unlock()
	lane.record(slot, at, reply)
	lane.send(slot)
}

func (lane *lane) record(slot int, at time.Duration, reply *nats.Msg) {
	revision, err := lane.drive.Operation.Accept(reply)
	if err != nil {
		lane.outcome.fail(1, err)
		return
	}
	lane.outcome.Served++
	lane.outcome.Revision = max(lane.outcome.Revision, revision)
	lane.outcome.Latencies.Record(int64(at - lane.sentAt[slot]))
	if lane.drive.Observe != nil {
		lane.drive.Observe(revision, lane.drive.epoch.Add(at))
	}
}

// send sends the next request of a slot, unless the loop is over.
func (lane *lane) send(slot int) {
	drive := lane.drive
	key, more := 0, int64(time.Since(drive.epoch)) < drive.ends.Load()
	if more {
		key, more = drive.Keys(lane.random)
	}
	if !more {
		lane.retire()
		return
	}
	subject, payload := drive.Operation.Request(Input{Key: key, Value: drive.Values.Value(lane.random), Buffer: lane.buffer[:0]})
	lane.buffer = payload
	lane.sentAt[slot] = time.Since(drive.epoch)
	if err := lane.publish(subject, lane.replies[slot], payload); err != nil {
		lane.outcome.fail(1, err)
		lane.retire()
	}
}

func (lane *lane) publish(subject, reply string, payload []byte) error {
	if !lane.drive.WithIDs {
		return lane.connection.PublishRequest(subject, reply, payload)
	}
	lane.request = nats.Msg{Subject: subject, Reply: reply, Data: payload, Header: nats.Header{subjects.HeaderMessageID: {nuid.Next()}}}
	return lane.connection.PublishMsg(&lane.request)
}

// retire ends a slot. The last slot ends the lane.
func (lane *lane) retire() {
	if lane.outstanding--; lane.outstanding == 0 {
		close(lane.done)
	}
}

// wait waits for the last reply. It gives up if none has come for the time of Silence.
func (lane *lane) wait(ctx context.Context) error {
	silence := lane.drive.Silence
	ticker := time.NewTicker(silence / 8)
	defer ticker.Stop()
	for {
		select {
		case <-lane.done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if time.Since(lane.drive.epoch)-time.Duration(lane.lastReply.Load()) > silence {
				return nil
			}
		}
	}
}

// result returns the outcome of the lane. Outstanding requests count as failed.
func (lane *lane) result() *Outcome {
	lane.mutex.Lock()
	defer lane.mutex.Unlock()
	if lane.outstanding > 0 {
		lane.outcome.fail(uint64(lane.outstanding), fmt.Errorf("no reply within %s", lane.drive.Silence))
	}
	return &lane.outcome
}

func (outcome *Outcome) fail(count uint64, err error) {
	outcome.Failed += count
	if outcome.Failure == nil {
		outcome.Failure = err
	}
}

// Quantile returns the latency that a fraction of the requests did not exceed.
func (outcome *Outcome) Quantile(fraction float64) time.Duration {
	return time.Duration(outcome.Latencies.Quantile(fraction))
}

// Complete returns an error unless every request was served.
func (outcome *Outcome) Complete() error {
	if outcome.Failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d requests failed, the first with: %w", outcome.Failed, outcome.Failed+outcome.Served, outcome.Failure)
}

func (outcome *Outcome) add(other *Outcome) {
	outcome.Served += other.Served
	if other.Failed > 0 {
		outcome.fail(other.Failed, other.Failure)
	}
	outcome.Latencies.Add(&other.Latencies)
	outcome.Revision = max(outcome.Revision, other.Revision)
}
