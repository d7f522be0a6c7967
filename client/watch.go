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

// The limits of a watch that are nobody's to choose.
const (
	// firstPause is how long a watch waits after the first request that failed. The
	// pauses double up to QuietInterval.
	firstPause = 100 * time.Millisecond
	// pageLimit is how many changes a watch asks for at once.
	pageLimit = 1000
)

// errStopped ends a watch whose loop has been left, or whose context is done.
var errStopped = errors.New("the watch was stopped")

// WatchOptions says what a watch gives. Its zero value watches a whole namespace
// from now on.
type WatchOptions struct {
	// Group, where it is given, leaves every other group's changes out.
	Group string
	// After is the revision after which the watch begins: that of the last change that
	// was dealt with, or of what was read before. Nil: where the namespace stands when
	// the sidecar first answers.
	After *uint64
	// Store, where it is given, is the id of the store that After is a revision of. A
	// watch that is given none takes the store that first answers.
	Store string
	// QuietInterval is how long nothing may come before the watch asks whether there
	// is really nothing: the longest that a lost last event stays unnoticed.
	// 0: DefaultQuietInterval.
	QuietInterval time.Duration
	// BufferMessages and BufferBytes bound the events that wait for the loop. What
	// comes beyond them is dropped, and fetched from the log afterwards.
	// 0: DefaultBufferMessages, DefaultBufferBytes.
	BufferMessages int
	BufferBytes    int
	// RetryFunc, where it is set, hears why a request of the watch failed before it
	// is made again. It runs in the goroutine of the loop.
	RetryFunc func(err error)
}

// Watch gives every change of a namespace, or of one of its groups, exactly once
// and in the order of their revisions.
//
//	for change, err := range store.Watch(ctx, "acme", client.WatchOptions{After: client.Revision(41)}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(change.Revision, change.Type, change.Group, change.Key, string(change.Value))
//	}
//
// It starts when the loop does, after WatchOptions.After; without one where the
// namespace stands when the sidecar first answers. To miss nothing between
// reading and watching, take the revision of what was read, or Position.
//
// It subscribes to the events and compares their revisions. A gap, an event that
// comes out of order, a full buffer, a new connection to the broker and silence of
// QuietInterval make it ask the log with changes, page by page; what has been given
// already is passed over. So nothing is lost across dropped events, restarts of
// the broker (where the connection reconnects) and of the sidecar; while they are
// away it asks again, after pauses that double from 0.1 s to QuietInterval.
//
// The loop's body runs between changes, in the caller's goroutine: nothing is
// read ahead for it but the bounded buffer and one page of the log. A slow body loses
// nothing either: when the buffer overflows the log is read instead, for as long
// as it retains the change after the last one given.
//
// It ends without an error when the context is done or the loop is left, and has
// unsubscribed by then; there is nothing to close. It ends with an error as its
// last pair: subjects.ErrCompacted where the log does not reach back to the last
// change given, or where another store has taken this one's place (read everything
// again, and watch from there); subjects.ErrBadRequest for what could never be
// watched; nats.ErrConnectionClosed where the connection was closed. Ranging over
// it again starts over.
//
// An event whose value the broker could not carry comes as it is, with
// Change.ValueOmitted: the value of that moment is not to be had any more.
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

// watch is one Watch that runs: whom it reads for, and how far it has come. All of
// it but the buffer belongs to the goroutine of the loop.
type watch struct {
	client    *Client
	namespace string
	options   WatchOptions
	yield     func(Change, error) bool
	progress  progress

	// timer fires when it has been quiet, or when a failed request is due again.
	timer *time.Timer
	// pause is how long the last failure made the watch wait; 0 while all is well.
	pause time.Duration

	subscription *nats.Subscription
	events       *buffer
	// unsubscribed says that the subscription was ended from outside, connections that
	// the connection was opened again, or closed.
	unsubscribed <-chan nats.SubStatus
	connections  chan nats.Status
}

// newWatch fills the defaults in. Its timer fires at once: the log is asked right
// after subscribing.
func newWatch(client *Client, namespace string, options WatchOptions, yield func(Change, error) bool) *watch {
	options.QuietInterval = withDefault(options.QuietInterval, DefaultQuietInterval)
	options.BufferMessages = withDefault(options.BufferMessages, DefaultBufferMessages)
	options.BufferBytes = withDefault(options.BufferBytes, DefaultBufferBytes)
	return &watch{
		client: client.impatient(), namespace: namespace, options: options, yield: yield,
		progress: newProgress(options), timer: time.NewTimer(0), events: newBuffer(options),
	}
}

func withDefault[Value comparable](value, standard Value) Value {
	var zero Value
	if value == zero {
		return standard
	}
	return value
}

// subscribe starts the flow of events. The subscription reaches the broker before
// any request does that is made after it, so what a reply does not hold comes as
// an event.
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

// close unsubscribes, upon which the subscription's goroutine ends.
func (watch *watch) close() {
	// It fails only where the connection is closed or about to be, which ends the
	// subscription as well.
	_ = watch.subscription.Unsubscribe()
	watch.client.connection.RemoveStatusListener(watch.connections)
	watch.timer.Stop()
}

// run deals with what happens, one thing at a time, until there is an error.
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

// receive takes an event and gives it to the loop where it is the next one. Where
// something is missing the log is asked, which holds the event too; while the
// sidecar does not answer that is left to the timer.
func (watch *watch) receive(ctx context.Context) error {
	change, verdict := watch.takeEvent()
	switch {
	case verdict == verdictNext:
		return watch.give(ctx, change)
	case verdict == verdictGap && watch.pause == 0:
		return watch.catchUp(ctx)
	}
	return nil
}

// takeEvent takes an event from the buffer. One that cannot be read, and those that
// the buffer had to drop, are a gap.
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

// give hands one change to the loop and waits until the loop is done with it.
func (watch *watch) give(ctx context.Context, change Change) error {
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

// catchUp gives the loop what the log holds after the last change given. A failure
// that may pass is no error: the timer is set to try again.
func (watch *watch) catchUp(ctx context.Context) error {
	for more := true; more; {
		page, err := watch.ask(ctx)
		if err == nil {
			more, err = watch.progress.check(page)
		}
		if err != nil {
			return watch.retry(ctx, err)
		}
		if err := watch.giveAll(ctx, page); err != nil {
			return err
		}
	}
	watch.pause = 0
	watch.timer.Reset(watch.options.QuietInterval)
	return nil
}

// ask gives the next page of the log. Before the watch knows where it begins it
// finds that out, and the page is empty.
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
		if err := watch.give(ctx, change); err != nil {
			return err
		}
	}
	watch.progress.advance(page.Next)
	return nil
}

// retry sets the timer for the next attempt, unless there is no sense in one. Half
// of each pause is left to chance, lest all the watches of a sidecar that comes
// back ask it at the same moment.
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

// mayPass reports whether the same request may succeed later: the sidecar or the
// broker is away, or the sidecar cannot answer at the moment.
func mayPass(err error) bool {
	if refusal, refused := errors.AsType[*subjects.Error](err); refused {
		return refusal.Code >= 500
	}
	return !errors.Is(err, errMalformed) &&
		!errors.Is(err, nats.ErrConnectionClosed) &&
		!errors.Is(err, nats.ErrConnectionDraining)
}
