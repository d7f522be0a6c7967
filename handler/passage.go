// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"dappco.re/go/storebus/subjects"
)

const (
	// beatInterval is the time between two beats of a service.
	beatInterval = 250 * time.Millisecond
	// maxSilence is how old the last beat may be while requests are answered. After a longer
	// time the process was stopped, or the machine slept.
	maxSilence = time.Second
	// passageWait is how long a request waits for the look for other instances.
	passageWait = 2 * time.Second
)

// Why a request is not answered.
var (
	errLooking  = errors.New("the sidecar was stopped or cut off, and has to look first if another one serves; try again")
	errReplaced = errors.New("another sidecar has taken over; try again")
)

// passage lets requests and replies through while no other instance can own the prefix. It shuts
// by itself if the process was stopped, if the machine slept, or if the connection is made anew.
// All of that is seen by the first request afterwards, whatever runs before.
type passage struct {
	// dials counts the attempts to connect.
	dials *atomic.Uint64
	known atomic.Pointer[certainty]
	// wanted wakes the goroutine that looks for other instances.
	wanted chan struct{}

	mutex sync.Mutex
	// changed is closed with the next change of the passage.
	changed chan struct{}
	// shutSince is when it was found shut; zero: it was not.
	shutSince time.Time
	// barred is the instance that owns the prefix now, as an error. Nothing opens it again.
	barred error
}

// certainty is a moment at which no other instance owned the prefix.
type certainty struct {
	at    time.Time
	dials uint64
}

func newPassage(dials *atomic.Uint64) *passage {
	if dials == nil {
		dials = new(atomic.Uint64)
	}
	return &passage{dials: dials, wanted: make(chan struct{}, 1), changed: make(chan struct{})}
}

// isOpen reports whether it is open. now is read before.
func (passage *passage) isOpen(now time.Time) bool {
	known := passage.known.Load()
	return known != nil && known.dials == passage.dials.Load() && known.age(now) < maxSilence
}

// age is the time since the moment. A sleep of the machine counts: it shows in the time of day only.
func (known *certainty) age(now time.Time) time.Duration {
	return max(now.Sub(known.at), time.Duration(now.UnixNano()-known.at.UnixNano()))
}

// beat prolongs the certainty. It reports false if the passage is shut.
func (passage *passage) beat(now time.Time) bool {
	open := passage.isOpen(now)
	if open {
		passage.known.Store(&certainty{at: now, dials: passage.known.Load().dials})
	}
	return open
}

// open opens it, unless a pause or a new connection came after the certainty.
func (passage *passage) open(known certainty) {
	passage.mutex.Lock()
	defer passage.mutex.Unlock()
	passage.known.Store(&known)
	passage.shutSince = time.Time{}
	passage.change()
}

// bar shuts it for good.
func (passage *passage) bar(reason error) {
	passage.mutex.Lock()
	defer passage.mutex.Unlock()
	passage.known.Store(nil)
	passage.barred = reason
	passage.change()
}

func (passage *passage) change() {
	close(passage.changed)
	passage.changed = make(chan struct{})
}

// noteShut takes note that it is shut, unless it is open.
func (passage *passage) noteShut() {
	passage.mutex.Lock()
	defer passage.mutex.Unlock()
	passage.beginShut(time.Now())
}

// beginShut notes since when it is shut, and reports whether it is. The caller has the mutex.
func (passage *passage) beginShut(now time.Time) bool {
	if passage.isOpen(now) {
		return false
	}
	passage.shutSince = cmp.Or(passage.shutSince, now)
	return true
}

// state is the passage as a request that waits sees it. since is when it was found shut.
func (passage *passage) state() (changed <-chan struct{}, since time.Time, open bool, barred error) {
	passage.mutex.Lock()
	defer passage.mutex.Unlock()
	shut := passage.beginShut(time.Now())
	return passage.changed, passage.shutSince, !shut, passage.barred
}

// await waits until it is open. It returns the reason if that takes too long, or never comes.
func (passage *passage) await(ctx context.Context) error {
	select {
	case passage.wanted <- struct{}{}:
	default:
	}
	for {
		changed, since, open, barred := passage.state()
		if open || barred != nil {
			return barred
		}
		timer := time.NewTimer(passageWait - time.Since(since))
		select {
		case <-changed:
			timer.Stop()
		case <-timer.C:
			return errLooking
		case <-ctx.Done():
			timer.Stop()
			return errLooking
		}
	}
}

// guard keeps the passage until the service is closed. After a pause, and after the connection
// was made anew, it looks for other instances before it opens the passage again.
func (service *Service) guard(ctx context.Context) {
	ticker := time.NewTicker(beatInterval)
	defer ticker.Stop()
	last := certainty{at: time.Now()}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-service.passage.wanted:
		}
		now := time.Now()
		if !service.passage.beat(now) && !service.regain(ctx, last.age(now)) {
			return
		}
		last.at = time.Now()
	}
}

// regain looks for other instances. If one owns the prefix now, or has a better claim, this
// instance gives way, and regain reports false. A look that fails is tried again. silence is how
// long the goroutine has not run.
func (service *Service) regain(ctx context.Context, silence time.Duration) bool {
	service.passage.noteShut()
	watch := &service.ownership
	if silence >= maxSilence {
		if _, changed := watch.pause.Becomes("paused"); changed {
			service.logger.Warn("the process was stopped, or the machine slept: it looks for another storebus before it answers",
				"prefix", service.space.Prefix(), "for", silence)
		}
	}
	if !service.connection.IsConnected() {
		return true
	}
	found, err := service.claim(ctx, service.connection.LastError())
	switch {
	case err == nil:
		service.passage.open(found)
		watch.failing.Becomes("")
		if _, changed := watch.pause.Becomes(""); changed {
			service.logger.Info("no other storebus serves this prefix: requests are answered", "prefix", service.space.Prefix())
		}
	case errors.Is(err, ErrOtherSidecar):
		service.passage.bar(err)
		service.giveWay(err)
		return false
	case ctx.Err() == nil:
		if _, changed := watch.failing.Becomes("failing"); changed {
			service.logger.Error("no request is answered: the look for another storebus has failed", "error", err)
		}
	}
	return true
}

// pass has a request wait until the service may answer it. A call from within the process is meant
// for this process. So it does not wait for a broker that is away.
func (request *request) pass(now time.Time) error {
	service := request.service
	if service.passage.isOpen(now) || request.caller != nil && !service.connection.IsConnected() {
		return nil
	}
	err := service.passage.await(service.serving)
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrOtherSidecar) {
		err = errReplaced // who replaces it is for the log
	}
	return subjects.ErrUnavailable.New(request.message(err.Error()))
}

// withheld returns the error of a request that was carried out and may not be confirmed, because
// another instance may have taken over.
func (request *request) withheld(failure, reason error) error {
	if failure != nil || !request.endpoint.writes {
		return reason
	}
	service := request.service
	service.logger.Error("a write is not confirmed", "subject", request.subject, "store", service.store.ID(), "error", reason)
	return subjects.ErrOutcomeUnknown.New(request.message("the change is on the disk of a sidecar that another one may have replaced"))
}
