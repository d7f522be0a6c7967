// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/histogram"
)

// replyTimeout is how long a reply is waited for.
const replyTimeout = 10 * time.Second

// loop is a closed loop: so many requests are outstanding, and each reply is followed
// by the next request in its place.
type loop struct {
	connections []*nats.Conn
	operation   operation
	inFlight    int
	// duration is how long requests are sent; the last replies are waited for. 0: until
	// it is stopped, or there are no more keys.
	duration time.Duration
	keys     keySource
	values   *valuePool
	seed     uint64
	// silence is how long nothing at all may come before what is outstanding is given
	// up; 0: replyTimeout.
	silence time.Duration
	// observe, where it is set, hears of every success: the revision, and when the
	// reply came. It runs where replies are received and may not wait.
	observe func(revision uint64, at time.Time)
}

// outcome is what a loop came to.
type outcome struct {
	served, failed uint64
	// failure is the first of the errors.
	failure   error
	latencies histogram.Fine
	// revision is the highest that a reply has named.
	revision uint64
}

// drive is a loop that runs: a lane for each connection.
type drive struct {
	loop
	epoch time.Time
	// ends is the time since epoch after which nothing is sent.
	ends  atomic.Int64
	lanes []*lane
}

// lane is the part of a loop that goes over one connection. Its replies arrive at one
// subscription and are told apart by the last token of their subject, the slot.
type lane struct {
	drive        *drive
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
	outcome     outcome
}

// run carries out a loop and waits for its last reply.
func (loop loop) run(ctx context.Context) (*outcome, error) {
	drive, err := loop.start()
	if err != nil {
		return nil, err
	}
	return drive.wait(ctx)
}

// start sends the first requests. The caller waits for it.
func (loop loop) start() (*drive, error) {
	if loop.silence == 0 {
		loop.silence = replyTimeout
	}
	drive := &drive{loop: loop}
	drive.ends.Store(int64(loop.duration))
	if loop.duration == 0 {
		drive.ends.Store(int64(365 * 24 * time.Hour))
	}
	connections := min(len(loop.connections), loop.inFlight)
	for index := range connections {
		slots := (loop.inFlight + index) / connections
		lane, err := drive.newLane(loop.connections[index], slots, uint64(index))
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

func (drive *drive) newLane(connection *nats.Conn, slots int, index uint64) (*lane, error) {
	lane := &lane{
		drive:      drive,
		connection: connection,
		inbox:      connection.NewInbox() + ".",
		replies:    make([]string, slots),
		sentAt:     make([]time.Duration, slots),
		done:       make(chan struct{}),
		random:     rand.New(rand.NewPCG(drive.seed, index)),
	}
	for slot := range slots {
		lane.replies[slot] = lane.inbox + strconv.Itoa(slot)
	}
	var err error
	if lane.subscription, err = listen(connection, lane.inbox+"*", lane.receive); err != nil {
		return nil, err
	}
	return lane, nil
}

// listen subscribes without a limit to what may wait: the requests in flight bound that.
func listen(connection *nats.Conn, subject string, handle nats.MsgHandler) (*nats.Subscription, error) {
	subscription, err := connection.Subscribe(subject, handle)
	if err != nil {
		return nil, err
	}
	return subscription, subscription.SetPendingLimits(-1, -1)
}

// pause lets the requests go on for a time.
func (drive *drive) pause(ctx context.Context, duration time.Duration) error {
	return pause(ctx, duration)
}

// stop lets nothing more be sent.
func (drive *drive) stop() { drive.ends.Store(0) }

// wait waits until every request has its reply, and gives the outcome. Requests
// whose replies do not come count as failed.
func (drive *drive) wait(ctx context.Context) (*outcome, error) {
	defer drive.close()
	for _, lane := range drive.lanes {
		if err := lane.wait(ctx); err != nil {
			return nil, err
		}
	}
	total := &outcome{}
	for _, lane := range drive.lanes {
		total.add(lane.result())
	}
	return total, nil
}

func (drive *drive) close() {
	for _, lane := range drive.lanes {
		// It fails only where the connection is gone, and the subscription with it.
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

// receive takes a reply, and sends the next request in its place.
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
	revision, err := lane.drive.operation.accept(reply)
	if err != nil {
		lane.outcome.fail(1, err)
		return
	}
	lane.outcome.served++
	lane.outcome.revision = max(lane.outcome.revision, revision)
	lane.outcome.latencies.Record(int64(at - lane.sentAt[slot]))
	if lane.drive.observe != nil {
		lane.drive.observe(revision, lane.drive.epoch.Add(at))
	}
}

// send sends the next request of a slot, unless the loop is over.
func (lane *lane) send(slot int) {
	drive := lane.drive
	key, more := 0, int64(time.Since(drive.epoch)) < drive.ends.Load()
	if more {
		key, more = drive.keys(lane.random)
	}
	if !more {
		lane.retire()
		return
	}
	subject, payload := drive.operation.request(input{key: key, value: drive.values.value(lane.random), buffer: lane.buffer[:0]})
	lane.buffer = payload
	lane.sentAt[slot] = time.Since(drive.epoch)
	if err := lane.connection.PublishRequest(subject, lane.replies[slot], payload); err != nil {
		lane.outcome.fail(1, err)
		lane.retire()
	}
}

// retire ends a slot; the last one ends the lane.
func (lane *lane) retire() {
	if lane.outstanding--; lane.outstanding == 0 {
		close(lane.done)
	}
}

// wait waits for the last reply, or until none has come for replyTimeout.
func (lane *lane) wait(ctx context.Context) error {
	silence := lane.drive.silence
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

// result gives what the lane came to. What is still outstanding has failed.
func (lane *lane) result() *outcome {
	lane.mutex.Lock()
	defer lane.mutex.Unlock()
	if lane.outstanding > 0 {
		lane.outcome.fail(uint64(lane.outstanding), fmt.Errorf("no reply within %s", lane.drive.silence))
	}
	return &lane.outcome
}

func (outcome *outcome) fail(count uint64, err error) {
	outcome.failed += count
	if outcome.failure == nil {
		outcome.failure = err
	}
}

// quantile gives the latency that a fraction of the requests had at most.
func (outcome *outcome) quantile(fraction float64) time.Duration {
	return time.Duration(outcome.latencies.Quantile(fraction))
}

// complete returns an error unless every request was served.
func (outcome *outcome) complete() error {
	if outcome.failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d requests failed, the first with: %w", outcome.failed, outcome.failed+outcome.served, outcome.failure)
}

func (outcome *outcome) add(other *outcome) {
	outcome.served += other.served
	if other.failed > 0 {
		outcome.fail(other.failed, other.failure)
	}
	outcome.latencies.Add(&other.latencies)
	outcome.revision = max(outcome.revision, other.revision)
}
