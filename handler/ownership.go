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

// maxClaimLooks bounds how often a starting instance looks at others that start at the same
// moment.
const maxClaimLooks = 10

// ownership is the goroutine that looks for other instances, and its findings.
type ownership struct {
	interval   time.Duration
	superseded chan error
	// others is the last state in the log. It belongs to the goroutine.
	others logging.Condition

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
	serving bool
}

// claim looks for other instances before the first request is taken. It refuses if
// another instance serves, or announced itself before this one. It also refuses if the
// broker did not permit the look: another instance may then be there unseen.
func (service *Service) claim(ctx context.Context, before error) error {
	for range maxClaimLooks {
		others, err := service.others(ctx)
		if err != nil {
			return err
		}
		for _, other := range others {
			if other.serving || other.before(service.self()) {
				return service.refusal(other)
			}
		}
		if err := service.refusedSince(before); err != nil {
			return fmt.Errorf("the broker does not let this user look for other instances (see storebus permissions, and the inbox prefix): %w", err)
		}
		if len(others) == 0 {
			return nil
		}
		// Each remaining instance began later, and may have looked before this one was
		// visible. Then it serves at its next look. Otherwise it has given way.
	}
	return nil
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
	ticker := time.NewTicker(service.ownership.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := service.lookOnce(ctx); err != nil {
			service.ownership.superseded <- err
			return
		}
	}
}

// lookOnce returns ErrOtherSidecar if an instance that began before this one serves the
// same prefix.
func (service *Service) lookOnce(ctx context.Context) error {
	others, err := service.others(ctx)
	if err != nil {
		return nil //nolint:nilerr // a broker that is away is no other instance, and the next look is soon
	}
	for _, other := range others {
		if other.serving && other.before(service.self()) {
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

// Superseded returns a channel that gives one error when an older instance is found on
// the same prefix. This instance must stop then. The channel is never closed.
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

// before reports whether one instance began before other. If both began at the same
// moment, the smaller name counts as the earlier.
func (one instance) before(other instance) bool {
	if !one.started.Equal(other.started) {
		return one.started.Before(other.started)
	}
	return one.name < other.name || one.name == other.name && one.id < other.id
}

// others asks every service of the same name for its INFO, and returns the other
// instances with the same prefix.
func (service *Service) others(ctx context.Context) ([]instance, error) {
	inbox := service.connection.NewInbox()
	subscription, err := service.connection.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer subscription.Unsubscribe() //nolint:errcheck // the connection has ended, and the subscription with it
	subject, err := micro.ControlSubject(micro.InfoVerb, ServiceName, "")
	if err != nil {
		return nil, err
	}
	if err := service.connection.PublishRequest(subject, inbox, nil); err != nil {
		return nil, err
	}
	return service.gather(ctx, subscription)
}

// gather collects the answers that come within ownershipWait.
func (service *Service) gather(ctx context.Context, subscription *nats.Subscription) ([]instance, error) {
	wait, cancel := context.WithTimeout(ctx, ownershipWait)
	defer cancel()
	var found []instance
	for {
		message, err := subscription.NextMsgWithContext(wait)
		if err != nil {
			return found, ctx.Err()
		}
		if other, ok := service.readInstance(message.Data); ok {
			found = append(found, other)
		}
	}
}

// readInstance reads an INFO. It reports false for this instance, for another prefix, and
// for a text that is no INFO.
func (service *Service) readInstance(data []byte) (instance, bool) {
	var info micro.Info
	if err := json.Unmarshal(data, &info); err != nil {
		return instance{}, false
	}
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
		serving: len(info.Endpoints) > 0,
	}, true
}
