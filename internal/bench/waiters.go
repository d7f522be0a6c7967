// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

const (
	// neighbourNamespace is another tenant than the one that is measured.
	neighbourNamespace = "neighbour"
	// idleGroup is a group of it that nobody writes to.
	idleGroup = "idle"
	// waitersWait is how long each of them waits at most.
	waitersWait = 30 * time.Second
)

// waiters are requests of a neighbour for the changes of a group, which go on for as
// long as a trial does: each reply is followed by another request.
type waiters struct {
	alone
	connection *nats.Conn
	space      subjects.Space
	count      int
	// woken has them wait for the group that neighbour names. Otherwise nobody writes to theirs.
	woken bool

	subscription *nats.Subscription
	inbox        string
	ended        chan struct{}

	mutex       sync.Mutex
	ending      bool
	outstanding int
	failure     error
}

// neighbour gives where the keys of that tenant are.
func neighbour() places { return onePlace(neighbourNamespace) }

// begin returns when all of them wait.
func (waiters *waiters) begin(ctx context.Context, _ *loop) (err error) {
	revision, err := waiters.touch(ctx)
	if err != nil {
		return err
	}
	waiters.ended, waiters.outstanding = make(chan struct{}), waiters.count
	waiters.inbox = waiters.connection.NewInbox()
	if waiters.subscription, err = listen(waiters.connection, waiters.inbox, waiters.receive); err != nil {
		return err
	}
	for range waiters.count {
		if err := waiters.ask(revision); err != nil {
			return err
		}
	}
	// The sidecar takes requests of a verb in their order.
	_, err = waiters.connection.RequestWithContext(ctx, waiters.subject(subjects.VerbChanges), fmt.Appendf(nil, `{"after":%d,"limit":1}`, revision))
	return err
}

// end writes to the group, and returns when each of them was answered.
func (waiters *waiters) end(ctx context.Context) error {
	waiters.mutex.Lock()
	waiters.ending = true
	waiters.mutex.Unlock()
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	if _, err := waiters.touch(ctx); err != nil {
		return err
	}
	select {
	case <-waiters.ended:
	case <-ctx.Done():
		return fmt.Errorf("of %d requests that wait for a change not all were answered: %w", waiters.count, context.Cause(ctx))
	}
	waiters.mutex.Lock()
	defer waiters.mutex.Unlock()
	if waiters.failure != nil {
		return fmt.Errorf("a request that waits for a change: %w", waiters.failure)
	}
	return waiters.subscription.Unsubscribe()
}

// touch writes to the group, and gives the revision.
func (waiters *waiters) touch(ctx context.Context) (uint64, error) {
	reply, err := waiters.connection.RequestWithContext(ctx, waiters.subject(subjects.VerbSet), []byte(`{"group":"`+waiters.group()+`","key":"k","value":"v"}`))
	if err != nil {
		return 0, err
	}
	return acceptSet(reply)
}

func (waiters *waiters) ask(after uint64) error {
	body := fmt.Appendf(nil, `{"after":%d,"group":%q,"wait":%q}`, after, waiters.group(), waitersWait)
	return waiters.connection.PublishRequest(waiters.subject(subjects.VerbChanges), waiters.inbox, body)
}

func (waiters *waiters) group() string {
	if waiters.woken {
		return group
	}
	return idleGroup
}

func (waiters *waiters) subject(verb subjects.Verb) string {
	return waiters.space.Request(neighbourNamespace, verb)
}

// receive asks again until it is time to end.
func (waiters *waiters) receive(reply *nats.Msg) {
	var page subjects.ChangesReply
	err := decodeReply(reply, &page)
	waiters.mutex.Lock()
	defer waiters.mutex.Unlock()
	if err == nil && !waiters.ending {
		if err = waiters.ask(page.Next); err == nil {
			return
		}
	}
	if err != nil && waiters.failure == nil {
		waiters.failure = err
	}
	if waiters.outstanding--; waiters.outstanding == 0 {
		close(waiters.ended)
	}
}
