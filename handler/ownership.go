// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"dappco.re/go/storebus/internal/logging"
)

// DefaultOwnershipInterval is the time between two looks for other instances.
const DefaultOwnershipInterval = 30 * time.Second

// ownershipWait is how long other instances have to answer.
const ownershipWait = 300 * time.Millisecond

// earlyLook is the time from the start to the first later look.
const earlyLook = 2 * maxSilence

// maxClaimBytes is more than the identity of an instance takes.
const maxClaimBytes = 4096

// maxClaimLooks bounds how often a starting instance looks at others that start at the same
// moment.
const maxClaimLooks = 10

// ownership is the goroutine that looks for other instances, and its findings.
type ownership struct {
	interval   time.Duration
	superseded chan error
	// others is the last state in the log. pause and failing are the last of the looks that open
	// the passage. Each belongs to its goroutine.
	others, pause, failing logging.Condition

	mutex  sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

// instance is another process, as its INFO describes it.
type instance struct {
	name, store string
	// id is the id of the service. No two processes share one, whatever their names.
	id      string
	started time.Time
	// owns says that it answers requests, or will without another look.
	owns bool
}

// maxSilentLooks is how many looks find an instance that is present and does not answer. A broker
// forgets a dead connection at the first of them.
const maxSilentLooks = 2

// claim looks for other instances before requests are answered. It refuses if another instance
// owns the prefix, announced itself before this one, or is present on the broker and does not
// answer. It also refuses if the broker did not permit the look: another instance may then be there
// unseen. It returns when no other was there.
func (service *Service) claim(ctx context.Context, before error) (certainty, error) {
	known := certainty{dials: service.passage.dials.Load()}
	for look, silent := 0, 0; look < maxClaimLooks; look++ {
		known.at = time.Now()
		others, absent, err := service.others(ctx, service.discovery.identity)
		if err != nil {
			return known, err
		}
		for _, other := range others {
			if other.owns || other.before(service.self()) {
				return known, service.refusal(other)
			}
		}
		if err := service.refusedSince(before); err != nil {
			return known, fmt.Errorf("the broker does not let this user look for other instances (see storebus permissions, and the inbox prefix): %w", err)
		}
		switch {
		case len(others) > 0:
			// Each remaining instance began later, and may have looked before this one was
			// visible. Then it owns the prefix at the next look. Otherwise it has given way.
			silent = 0
		case absent:
			return known, nil
		default:
			if silent++; silent == maxSilentLooks {
				return known, service.silentRefusal()
			}
		}
	}
	return known, nil
}

// noteClaim logs that another instance looks for the owner of the prefix. question is its identity.
func (service *Service) noteClaim(question []byte) {
	var asking micro.Info
	if len(question) == 0 || len(question) > maxClaimBytes || json.Unmarshal(question, &asking) != nil {
		return
	}
	if other, ok := service.instanceOf(&asking); ok {
		service.logger.Warn("another storebus has asked who serves this prefix", "prefix", service.space.Prefix(),
			"instance", other.name, "store", other.store)
	}
}

// watchOwnership starts the later looks. They stop at the first instance that began
// before this one.
func (service *Service) watchOwnership() {
	watch := &service.ownership
	watch.mutex.Lock()
	defer watch.mutex.Unlock()
	ctx, cancel := context.WithCancel(service.serving)
	done := make(chan struct{})
	watch.cancel, watch.done = cancel, done
	go func() {
		defer close(done)
		service.lookRepeatedly(ctx)
	}()
}

func (service *Service) lookRepeatedly(ctx context.Context) {
	// The first look is early. While this instance started, another one may have been stopped for too
	// short a time to notice.
	timer := time.NewTimer(min(earlyLook, service.ownership.interval))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(service.ownership.interval)
		if err := service.lookOnce(ctx); err != nil {
			service.passage.bar(err)
			service.giveWay(err)
			return
		}
	}
}

// lookOnce returns ErrOtherSidecar if an instance that began before this one serves the
// same prefix.
func (service *Service) lookOnce(ctx context.Context) error {
	others, _, err := service.others(ctx, nil)
	if err != nil {
		return nil //nolint:nilerr // a broker that is away is no other instance, and the next look is soon
	}
	for _, other := range others {
		if other.owns && other.before(service.self()) {
			return service.refusal(other)
		}
		if _, changed := service.ownership.others.Becomes(other.name); changed {
			service.logger.Error("another storebus serves this prefix and has to stop", "prefix", service.space.Prefix(),
				"instance", other.name, "store", other.store)
		}
	}
	if len(others) == 0 {
		if leftOut, changed := service.ownership.others.Becomes(""); changed {
			service.logger.Info("no other storebus serves this prefix any more", "prefix", service.space.Prefix(), "left_out", leftOut)
		}
	}
	return nil
}

// giveWay makes it known that another instance owns the prefix.
func (service *Service) giveWay(err error) {
	select {
	case service.ownership.superseded <- err:
	default: // it is known
	}
}

// Superseded returns a channel that gives one error when this instance has to give way: it has
// found an older one on the same prefix, or one that took over while this one was stopped or cut
// off. This instance must stop then. The channel is never closed.
func (service *Service) Superseded() <-chan error { return service.ownership.superseded }

// stop ends the goroutine and waits for it. It may be called more than once, and before
// anything was started.
func (ownership *ownership) stop() {
	ownership.mutex.Lock()
	cancel, done := ownership.cancel, ownership.done
	ownership.mutex.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	<-done
}

func (service *Service) self() instance {
	return instance{name: service.instance, store: service.store.ID(), id: service.discovery.identity.ID, started: service.started}
}

func (service *Service) refusal(other instance) error {
	return fmt.Errorf("%w: %s.> is served by instance %s with store %s; this is instance %s with store %s",
		ErrOtherSidecar, service.space.Prefix(), other.name, other.store, service.instance, service.store.ID())
}

// silentRefusal is the refusal because of an instance that is present and does not answer.
func (service *Service) silentRefusal() error {
	return fmt.Errorf("%w: the broker has a connection of a sidecar for %s.> with another store, which does not answer: it is stopped or hangs. "+
		"Stop it for good, or wait until the broker gives its connection up; this is instance %s with store %s",
		ErrOtherSidecar, service.space.Prefix(), service.instance, service.store.ID())
}

// before reports whether one instance began before other. If both began at the same
// moment, the smaller name counts as the earlier.
func (one instance) before(other instance) bool {
	if !one.started.Equal(other.started) {
		return one.started.Before(other.started)
	}
	return one.name < other.name || one.name == other.name && one.id < other.id
}

// others asks every service of the same name for its INFO, and returns the other
// instances with the same prefix. It also returns whether the broker has said that no other store
// is present. claimant is who asks, for the logs of the others, nil if they need not know.
func (service *Service) others(ctx context.Context, claimant any) (found []instance, absent bool, err error) {
	inbox := service.connection.NewInbox()
	subscription, err := service.connection.SubscribeSync(inbox)
	if err != nil {
		return nil, false, err
	}
	defer subscription.Unsubscribe() //nolint:errcheck // the connection has ended, and the subscription with it
	subject, err := micro.ControlSubject(micro.InfoVerb, ServiceName, "")
	if err != nil {
		return nil, false, err
	}
	var question []byte
	if claimant != nil {
		if question, err = json.Marshal(claimant); err != nil {
			return nil, false, err
		}
	}
	if err := service.connection.PublishRequest(subject, inbox, question); err != nil {
		return nil, false, err
	}
	asked, err := service.askPresence()
	if err != nil {
		return nil, false, err
	}
	defer asked.Unsubscribe() //nolint:errcheck // the connection has ended, and the subscription with it
	if err := service.flush(ctx); err != nil {
		return nil, false, err
	}
	found = service.gather(ctx, subscription)
	return found, service.absent(asked), ctx.Err()
}

// gather collects the answers that come within ownershipWait.
func (service *Service) gather(ctx context.Context, subscription *nats.Subscription) (found []instance) {
	wait, cancel := context.WithTimeout(ctx, ownershipWait)
	defer cancel()
	for {
		message, err := subscription.NextMsgWithContext(wait)
		if err != nil {
			return found
		}
		var info micro.Info
		if json.Unmarshal(message.Data, &info) != nil {
			continue
		}
		if other, ok := service.instanceOf(&info); ok {
			found = append(found, other)
		}
	}
}

// instanceOf reads an INFO. It reports false for this instance and for another prefix.
func (service *Service) instanceOf(info *micro.Info) (instance, bool) {
	if info.Metadata[MetadataPrefix] != service.space.Prefix() || info.ID == service.discovery.identity.ID {
		return instance{}, false
	}
	// Without a readable time it counts as the older one: better to stop than to split.
	started, _ := time.Parse(time.RFC3339Nano, info.Metadata[MetadataStarted])
	return instance{
		name:    info.Metadata[MetadataInstance],
		store:   info.Metadata[MetadataStore],
		id:      info.ID,
		started: started,
		owns:    info.Metadata[MetadataOwner] != "false",
	}, true
}
