// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

const (
	// neighbourNamespace is another tenant than the measured one.
	neighbourNamespace = "neighbour"
	// idleGroup is a group of the neighbour without writes.
	idleGroup = "idle"
	// waitersWait is the longest wait of each request.
	waitersWait = 30 * time.Second
)

// Waiters are requests of a neighbour that wait for the changes of a group while a trial
// runs. Each reply is followed by another request.
type Waiters struct {
	alone
	Connection *nats.Conn
	Space      subjects.Space
	Count      int
	// Woken makes them wait for the group that Neighbour names. Otherwise their group has
	// no writes.
	Woken bool

	subscription *nats.Subscription
	inbox        string
	ended        chan struct{}

	mutex       sync.Mutex
	ending      bool
	outstanding int
	failure     error
}

// Neighbour returns the places of the neighbour's keys.
func Neighbour() Places { return onePlace(neighbourNamespace) }

// Begin returns when all of them wait.
func (waiters *Waiters) Begin(ctx context.Context, _ *Loop) (err error) {
	revision, err := waiters.touch(ctx)
	if err != nil {
		return err
	}
	waiters.ended, waiters.outstanding = make(chan struct{}), waiters.Count
	waiters.inbox = waiters.Connection.NewInbox()
	if waiters.subscription, err = Listen(waiters.Connection, waiters.inbox, waiters.receive); err != nil {
		return err
	}
	for range waiters.Count {
		if err := waiters.ask(revision); err != nil {
			return err
		}
	}
	// The sidecar takes the requests of a verb in order.
	_, err = waiters.Connection.RequestWithContext(ctx, waiters.subject(subjects.VerbChanges), fmt.Appendf(nil, `{"after":%d,"limit":1}`, revision))
	return err
}

// End writes to the group, and returns after each waiting request has its reply.
func (waiters *Waiters) End(ctx context.Context) error {
	waiters.mutex.Lock()
	waiters.ending = true
	waiters.mutex.Unlock()
	ctx, cancel := context.WithTimeout(ctx, ReplyTimeout)
	defer cancel()
	if _, err := waiters.touch(ctx); err != nil {
		return err
	}
	select {
	case <-waiters.ended:
	case <-ctx.Done():
		return fmt.Errorf("of %d requests that wait for a change not all were answered: %w", waiters.Count, context.Cause(ctx))
	}
	waiters.mutex.Lock()
	defer waiters.mutex.Unlock()
	if waiters.failure != nil {
		return fmt.Errorf("a request that waits for a change: %w", waiters.failure)
	}
	return waiters.subscription.Unsubscribe()
}

// touch writes to the group, and returns the revision.
func (waiters *Waiters) touch(ctx context.Context) (uint64, error) {
	reply, err := waiters.Connection.RequestWithContext(ctx, waiters.subject(subjects.VerbSet), []byte(`{"group":"`+waiters.group()+`","key":"k","value":"v"}`))
	if err != nil {
		return 0, err
	}
	return acceptSet(reply)
}

func (waiters *Waiters) ask(after uint64) error {
	body := fmt.Appendf(nil, `{"after":%d,"group":%q,"wait":%q}`, after, waiters.group(), waitersWait)
	return waiters.Connection.PublishRequest(waiters.subject(subjects.VerbChanges), waiters.inbox, body)
}

func (waiters *Waiters) group() string {
	if waiters.Woken {
		return group
	}
	return idleGroup
}

func (waiters *Waiters) subject(verb subjects.Verb) string {
	return waiters.Space.Request(neighbourNamespace, verb)
}

// receive sends the next request, unless the waiters are ending.
func (waiters *Waiters) receive(reply *nats.Msg) {
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
