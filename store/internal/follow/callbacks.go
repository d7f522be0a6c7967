// SPDX-License-Identifier: EUPL-1.2

package follow

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"sync"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
)

// OnChange calls callback for every change from now on, until unregister is called.
func (followers *Followers) OnChange(callback func(changelog.Event)) (unregister func()) {
	return followers.callbacks.add(callback)
}

// RunCallbacks calls the callbacks for the events of a write of the caller.
func (followers *Followers) RunCallbacks(events []changelog.Event) { followers.callbacks.run(events) }

// EndCallbacks ends the calls for other changes. It waits for a running callback, unless that
// callback is the caller.
func (followers *Followers) EndCallbacks() { followers.callbacks.stop() }

// InCallback reports whether the caller is a callback in the goroutine of the callbacks.
func (followers *Followers) InCallback() bool { return followers.callbacks.runHere() }

// callbacks are the functions of OnChange and the goroutine that follows the log for them.
type callbacks struct {
	followers *Followers
	logger    *slog.Logger
	context   context.Context //nolint:containedctx // the life of the goroutine
	cancel    context.CancelFunc
	running   sync.WaitGroup

	mutex      sync.Mutex
	registered []*registration
	following  bool
	// follower is the name of the goroutine, empty until it runs.
	follower string
}

// registration is one callback, which receives the changes behind a commit.
type registration struct {
	callback func(changelog.Event)
	after    uint64
}

func newCallbacks(followers *Followers, logger *slog.Logger) *callbacks {
	callbacks := &callbacks{followers: followers, logger: logger}
	callbacks.context, callbacks.cancel = context.WithCancel(context.Background())
	return callbacks
}

func (callbacks *callbacks) add(callback func(changelog.Event)) (unregister func()) {
	callbacks.mutex.Lock()
	defer callbacks.mutex.Unlock()
	added := &registration{callback: callback, after: callbacks.followers.tail.last()}
	// A new slice each time, because a goroutine that runs the callbacks holds the old one.
	callbacks.registered = append(slices.Clone(callbacks.registered), added)
	if !callbacks.following && callbacks.context.Err() == nil {
		callbacks.following = true
		callbacks.running.Go(func() { callbacks.follow(added.after) })
	}
	return func() { callbacks.remove(added) }
}

func (callbacks *callbacks) remove(removed *registration) {
	callbacks.mutex.Lock()
	defer callbacks.mutex.Unlock()
	callbacks.registered = slices.DeleteFunc(slices.Clone(callbacks.registered), func(registration *registration) bool {
		return registration == removed
	})
}

func (callbacks *callbacks) snapshot() []*registration {
	callbacks.mutex.Lock()
	defer callbacks.mutex.Unlock()
	return callbacks.registered
}

// run calls every callback for the events of a caller's own write. The expiry of a key that the
// write has found is not its own.
func (callbacks *callbacks) run(events []changelog.Event) {
	if len(events) == 0 {
		return
	}
	for _, registration := range callbacks.snapshot() {
		for _, event := range events {
			if changelog.FromCaller(&event) {
				registration.callback(event)
			}
		}
	}
}

// follow calls the callbacks for changes whose caller does not run them.
func (callbacks *callbacks) follow(after uint64) {
	callbacks.mutex.Lock()
	callbacks.follower = goroutineName()
	callbacks.mutex.Unlock()
	for {
		commits, err := callbacks.followers.commitsAfter(callbacks.context, nil, after)
		if err != nil {
			if !errors.Is(err, failure.ErrClosed) && !errors.Is(err, context.Canceled) {
				callbacks.logger.Error("reading the log for callbacks failed", slog.Any("error", err))
			}
			return
		}
		for _, commit := range commits {
			callbacks.runCommit(commit)
			after = commit.ID
		}
	}
}

func (callbacks *callbacks) runCommit(commit changelog.Commit) {
	for _, registration := range callbacks.snapshot() {
		for _, event := range commit.Events {
			if !changelog.FromCaller(&event) && commit.ID > registration.after && callbacks.context.Err() == nil {
				registration.callback(event)
			}
		}
	}
}

// stop ends the goroutine and waits for a running callback, unless that callback is its caller.
// A callback that calls the store meanwhile gets ErrClosed.
func (callbacks *callbacks) stop() {
	callbacks.mutex.Lock()
	callbacks.cancel()
	callbacks.mutex.Unlock()
	if !callbacks.runHere() {
		callbacks.running.Wait()
	}
}

// runHere reports whether the caller is a callback in the goroutine of callbacks.
func (callbacks *callbacks) runHere() bool {
	callbacks.mutex.Lock()
	defer callbacks.mutex.Unlock()
	return callbacks.follower == goroutineName()
}

// goroutineName returns what a stack trace calls the goroutine: "goroutine 7".
// Nothing else tells a callback from the rest of the program.
func goroutineName() string {
	var trace [64]byte
	name, _, _ := bytes.Cut(trace[:runtime.Stack(trace[:], false)], []byte(" ["))
	return string(name)
}
