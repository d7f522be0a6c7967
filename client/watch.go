// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// The defaults of WatchOptions.
const (
	DefaultQuietInterval  = 5 * time.Second
	DefaultBufferMessages = 4096
	DefaultBufferBytes    = 8 << 20
)

// The fixed limits of a watch.
const (
	// firstPause is how long a watch waits after the first failed request. The pauses
	// double up to QuietInterval.
	firstPause = 100 * time.Millisecond
	// pageLimit is how many changes a watch asks for at once.
	pageLimit = 1000
)

// errStopped ends a watch if its loop has been left, or its context is done.
var errStopped = errors.New("the watch was stopped")

// WatchOptions selects the changes that Watch gives. The zero value watches a whole
// namespace from now on.
type WatchOptions struct {
	// Group selects the changes of one group. Empty: all groups.
	Group string
	// After is the revision after which the watch begins: the revision of the last change
	// that you handled, or of the entries that you read. Nil: the revision of the
	// namespace when the sidecar first answers.
	After *uint64
	// Store is the id of the store that After is a revision of. Empty: the store that
	// first answers.
	Store string
	// QuietInterval is how long a watch without events waits before it asks the log. It
	// is the longest time that a lost last event stays unnoticed. 0:
	// DefaultQuietInterval.
	QuietInterval time.Duration
	// BufferMessages and BufferBytes bound the events that wait for the loop. Events
	// beyond them are dropped, and fetched from the log afterwards. 0:
	// DefaultBufferMessages, DefaultBufferBytes.
	BufferMessages int
	BufferBytes    int
	// RetryFunc, if set, gets the error of a failed request of the watch before the
	// request is made again. It runs in the goroutine of the loop.
	RetryFunc func(err error)
	// RecoveredFunc, if set, is called when a request of the watch succeeds after RetryFunc
	// was called. It runs in the goroutine of the loop.
	RecoveredFunc func()
}

// Watch gives every change of a namespace, or of one of its groups, exactly once and in
// the order of their revisions.
//
//	for change, err := range store.Watch(ctx, "acme", client.WatchOptions{After: client.Revision(41)}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(change.Revision, change.Type, change.Group, change.Key, string(change.Value))
//	}
//
// The watch starts when the loop does, after WatchOptions.After. Without After it starts
// at the revision of the namespace when the sidecar first answers. To miss nothing
// between reading and watching, take the revision of the entries that you read, or
// Position.
//
// The watch subscribes to the events and compares their revisions. It asks the log, page
// by page, after a gap, an event out of order or a full buffer. It also asks after a new
// connection to the broker, and after silence of QuietInterval. Changes that were given
// already are left out. So nothing is lost if events are dropped, or if the broker or the
// sidecar restarts (the connection must reconnect). While they are away, the watch asks
// again after pauses that double from 0.1 s to QuietInterval.
//
// The body of the loop runs between changes, in the caller's goroutine. The watch reads
// ahead only the bounded buffer and one page of the log. A slow body loses nothing: if
// the buffer overflows, the watch reads the log instead, for as long as the log retains
// the change after the last one given.
//
// The watch ends without an error if the context is done or the loop is left. It has
// unsubscribed by then, and there is nothing to close. It ends with an error as its last
// pair in these cases:
//
//   - subjects.ErrCompacted: the log does not reach back to the last change given, or
//     another store has taken the place of this one. Read everything again, and watch from
//     there.
//   - subjects.ErrBadRequest: the namespace, the group or an option is invalid.
//   - nats.ErrConnectionClosed: the connection was closed.
//
// Ranging over it again starts over.
//
// An event whose value the broker could not carry comes with Change.ValueOmitted. The
// value of that moment is not available any more.
func (client *Client) Watch(ctx context.Context, namespace string, options WatchOptions) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		if err := client.usable(ctx); err != nil {
			yield(Change{}, named("Watch", err))
			return
		}
		err := client.watch(ctx, namespace, options, yield)
		if err == nil || errors.Is(err, errStopped) || ctx.Err() != nil {
			return
		}
		yield(Change{}, err)
	}
}

func (client *Client) watch(ctx context.Context, namespace string, options WatchOptions, yield func(Change, error) bool) error {
	if err := checkWatch(namespace, options); err != nil {
		return named("Watch", err)
	}
	watch := newWatch(client, namespace, options, yield)
	if err := watch.subscribe(); err != nil {
		return named("Watch", fmt.Errorf("subscribe to the events: %w", err))
	}
	defer watch.close()
	return watch.run(ctx)
}

func checkWatch(namespace string, options WatchOptions) error {
	if options.QuietInterval < 0 || options.BufferMessages < 0 || options.BufferBytes < 0 {
		return subjects.ErrBadRequest.New("QuietInterval, BufferMessages and BufferBytes cannot be negative")
	}
	if options.Group == "" { // the whole namespace is meant
		return subjects.CheckNamespace(namespace)
	}
	return cmp.Or(subjects.CheckNamespace(namespace), subjects.CheckGroup(options.Group))
}

// watch is one running Watch: its options, and its position. All fields but the buffer
// belong to the goroutine of the loop.
type watch struct {
	client    *Client
	namespace string
	options   WatchOptions
	yield     func(Change, error) bool
	progress  progress

	// timer fires when it has been quiet, or when a failed request is due again.
	timer *time.Timer
	// pause is how long the watch waited after the last failure; 0 while all is well.
	pause time.Duration

	subscription *nats.Subscription
	events       *buffer
	// unsubscribed says that the subscription was ended from outside. connections says
	// that the connection was opened again, or closed.
	unsubscribed <-chan nats.SubStatus
	connections  chan nats.Status
}

// newWatch fills in the defaults. Its timer fires at once: the watch asks the log right
// after subscribing.
func newWatch(client *Client, namespace string, options WatchOptions, yield func(Change, error) bool) *watch {
	options.QuietInterval = cmp.Or(options.QuietInterval, DefaultQuietInterval)
	options.BufferMessages = cmp.Or(options.BufferMessages, DefaultBufferMessages)
	options.BufferBytes = cmp.Or(options.BufferBytes, DefaultBufferBytes)
	return &watch{
		client: client.impatient(), namespace: namespace, options: options, yield: yield,
		progress: newProgress(options), timer: time.NewTimer(0), events: newBuffer(options),
	}
}

// subscribe starts the flow of events. The subscription reaches the broker before any
// later request. So a change that a reply does not hold comes as an event.
func (watch *watch) subscribe() error {
	subject := watch.client.space.Events(watch.namespace)
	if watch.options.Group != "" {
		subject = watch.client.space.GroupEvents(watch.namespace, watch.options.Group)
	}
	connection := watch.client.connection
	watch.connections = connection.StatusChanged(nats.CONNECTED, nats.CLOSED)
	subscription, err := connection.Subscribe(subject, watch.events.put)
	if err != nil {
		connection.RemoveStatusListener(watch.connections)
		return err
	}
	watch.subscription = subscription
	watch.unsubscribed = subscription.StatusChanged(nats.SubscriptionClosed)
	return nil
}

// close unsubscribes. The subscription's goroutine ends then.
func (watch *watch) close() {
	// It fails only if the connection is closed or closing, which ends the subscription too.
	_ = watch.subscription.Unsubscribe()
	watch.client.connection.RemoveStatusListener(watch.connections)
	watch.timer.Stop()
}

// run handles one thing at a time, until there is an error.
func (watch *watch) run(ctx context.Context) error {
	for {
		if ctx.Err() != nil {
			return errStopped
		}
		if err := watch.step(ctx); err != nil {
			return err
		}
	}
}

func (watch *watch) step(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return errStopped
	case <-watch.events.ready:
		return watch.receive(ctx)
	case <-watch.unsubscribed:
		return named("Watch", fmt.Errorf("the subscription was ended: %w", nats.ErrBadSubscription))
	case <-watch.connections:
	case <-watch.timer.C:
	}
	return watch.catchUp(ctx)
}

// receive takes an event, and gives it to the loop if it is the next change. If something
// is missing, receive asks the log, which holds the event too. While the sidecar does not
// answer, the timer asks instead.
func (watch *watch) receive(ctx context.Context) error {
	change, verdict := watch.takeEvent()
	switch {
	case verdict == verdictNext:
		return watch.deliver(ctx, change)
	case verdict == verdictGap && watch.pause == 0:
		return watch.catchUp(ctx)
	}
	return nil
}

// takeEvent takes an event from the buffer. An event that cannot be read counts as a gap,
// and so do dropped events.
func (watch *watch) takeEvent() (Change, verdict) {
	message, overflowed := watch.events.take()
	if overflowed {
		return Change{}, verdictGap
	}
	if message == nil {
		return Change{}, verdictRepeat
	}
	change, err := newChange(message.Data)
	if err != nil {
		return Change{}, verdictGap
	}
	return change, watch.progress.judge(change)
}

// deliver passes one change to the loop and waits until the loop is done with it.
func (watch *watch) deliver(ctx context.Context, change Change) error {
	if ctx.Err() != nil {
		return errStopped
	}
	watch.progress.advance(change.Revision)
	if !watch.yield(change, nil) {
		return errStopped
	}
	if watch.pause == 0 {
		watch.timer.Reset(watch.options.QuietInterval)
	}
	return nil
}

// catchUp gives the loop the changes that the log holds after the last change given. A
// failure that may pass is no error: the timer is set to try again.
func (watch *watch) catchUp(ctx context.Context) error {
	for more := true; more; {
		page, err := watch.ask(ctx)
		if err == nil {
			more, err = watch.progress.check(page)
		}
		if err != nil {
			return watch.retry(ctx, err)
		}
		watch.recover()
		if err := watch.giveAll(ctx, page); err != nil {
			return err
		}
	}
	watch.timer.Reset(watch.options.QuietInterval)
	return nil
}

// recover notes that a request has succeeded.
func (watch *watch) recover() {
	if watch.pause > 0 && watch.options.RecoveredFunc != nil {
		watch.options.RecoveredFunc()
	}
	watch.pause = 0
}

// ask returns the next page of the log. If the watch has no position yet, ask finds it,
// and the page is empty.
func (watch *watch) ask(ctx context.Context) (ChangesPage, error) {
	// The deadline of a watch is not that of each of its requests.
	ctx, cancel := context.WithTimeout(ctx, watch.client.timeout)
	defer cancel()
	if !watch.progress.known {
		position, err := watch.client.position(ctx, "Watch", watch.namespace)
		return ChangesPage{Next: position.Revision, Revision: position.Revision, Store: position.Store}, err
	}
	return watch.client.changes(ctx, "Watch", watch.namespace, ChangesOptions{
		After: watch.progress.last, Group: watch.options.Group, Store: watch.progress.store, Limit: pageLimit,
	})
}

func (watch *watch) giveAll(ctx context.Context, page ChangesPage) error {
	for _, change := range page.Changes {
		if change.Revision <= watch.progress.last {
			continue
		}
		if err := watch.deliver(ctx, change); err != nil {
			return err
		}
	}
	watch.progress.advance(page.Next)
	return nil
}

// retry sets the timer for the next attempt, unless an attempt cannot help. Half of each
// pause is random, so that the watches of a sidecar that comes back do not all ask at the
// same moment.
func (watch *watch) retry(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errStopped
	}
	if !mayPass(err) {
		return err
	}
	if watch.options.RetryFunc != nil {
		watch.options.RetryFunc(err)
	}
	watch.pause = min(max(2*watch.pause, firstPause), watch.options.QuietInterval)
	watch.timer.Reset(watch.pause/2 + rand.N(watch.pause/2+1))
	return nil
}

// mayPass reports whether the same request may succeed later: the sidecar or the broker
// is away, or the sidecar cannot answer at the moment.
func mayPass(err error) bool {
	if refusal, refused := errors.AsType[*subjects.Error](err); refused {
		return refusal.Code >= 500
	}
	return !errors.Is(err, errMalformed) &&
		!errors.Is(err, nats.ErrConnectionClosed) &&
		!errors.Is(err, nats.ErrConnectionDraining)
}
