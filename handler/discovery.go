// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/nats-io/nuid"
)

// discovery shows the service on the broker by the micro protocol (ADR-32): it answers
// PING, INFO and STATS. The endpoints here subscribe without the micro library, because
// that library does not report headers that it could not decode.
type discovery struct {
	service       *Service
	identity      micro.ServiceIdentity
	subscriptions []*nats.Subscription

	mutex sync.Mutex
	// serving are the subscribed endpoints, in the order of the verbs.
	serving []*endpoint
}

// announce adds the service without an endpoint. An instance that starts at the same
// moment sees it before either takes a request.
func (service *Service) announce() error {
	discovery := &discovery{service: service, identity: micro.ServiceIdentity{
		Name:    ServiceName,
		ID:      nuid.Next(),
		Version: service.version,
		Metadata: map[string]string{
			MetadataStore:      service.store.ID(),
			MetadataInstance:   service.instance,
			MetadataDurability: string(service.store.Durability()),
			MetadataPrefix:     service.space.Prefix(),
			MetadataStarted:    service.started.Format(time.RFC3339Nano),
		},
	}}
	service.discovery = discovery
	for _, answer := range []struct {
		verb micro.Verb
		make func(message *nats.Msg) any
	}{
		{micro.PingVerb, func(*nats.Msg) any {
			return micro.Ping{ServiceIdentity: discovery.presentIdentity(), Type: micro.PingResponseType}
		}},
		{micro.InfoVerb, func(question *nats.Msg) any {
			service.noteClaim(question.Data)
			return discovery.info()
		}},
		{micro.StatsVerb, func(*nats.Msg) any { return discovery.statistics() }},
	} {
		if err := discovery.subscribe(answer.verb, answer.make); err != nil {
			return err
		}
	}
	if err := service.showPresence(); err != nil {
		return fmt.Errorf("subscribe to its presence: %w", err)
	}
	return nil
}

// presentIdentity says also whether the instance owns the prefix now.
func (discovery *discovery) presentIdentity() micro.ServiceIdentity {
	present := discovery.identity
	present.Metadata = maps.Clone(present.Metadata)
	present.Metadata[MetadataOwner] = strconv.FormatBool(discovery.service.passage.isOpen(time.Now()))
	return present
}

// subscribe answers a question to all services, to the services of this name, or to this
// one.
func (discovery *discovery) subscribe(verb micro.Verb, answer func(*nats.Msg) any) error {
	for _, addressed := range [][2]string{{}, {ServiceName}, {ServiceName, discovery.identity.ID}} {
		subject, err := micro.ControlSubject(verb, addressed[0], addressed[1])
		if err != nil {
			return err
		}
		subscription, err := discovery.service.connection.Subscribe(subject, func(message *nats.Msg) {
			discovery.respond(message, answer(message))
		})
		if err != nil {
			return fmt.Errorf("subscribe to %s: %w", subject, err)
		}
		discovery.subscriptions = append(discovery.subscriptions, subscription)
	}
	return nil
}

// respond answers a question. A question is a request as well. Its reply may go to every
// inbox, but otherwise obeys the rules for reply subjects of verbs.
func (discovery *discovery) respond(message *nats.Msg, answer any) {
	service := discovery.service
	if message.Reply == "" {
		return
	}
	if err := service.space.CheckServiceReply(message.Reply); err != nil {
		service.logRefusal(message.Subject, err)
		return
	}
	body, err := json.Marshal(answer)
	if err == nil {
		err = service.connection.Publish(message.Reply, body)
	}
	if err != nil {
		service.logger.Warn("reply could not be sent", "subject", message.Subject, "error", err)
	}
}

// add shows an endpoint from now on.
func (discovery *discovery) add(endpoint *endpoint) {
	discovery.mutex.Lock()
	defer discovery.mutex.Unlock()
	discovery.serving = append(discovery.serving, endpoint)
}

// endpoints returns the present endpoints.
func (discovery *discovery) endpoints() []*endpoint {
	discovery.mutex.Lock()
	defer discovery.mutex.Unlock()
	return slices.Clone(discovery.serving)
}

func (discovery *discovery) info() micro.Info {
	endpoints := []micro.EndpointInfo{}
	for _, endpoint := range discovery.endpoints() {
		endpoints = append(endpoints, micro.EndpointInfo{
			Name: endpoint.verb.endpointName(), Subject: endpoint.subscription.Subject, QueueGroup: ServiceName,
			Metadata: map[string]string{"description": endpoint.verb.name.Description(), "writes": fmt.Sprint(endpoint.writes)},
		})
	}
	return micro.Info{
		ServiceIdentity: discovery.presentIdentity(), Type: micro.InfoResponseType,
		Description: "key-value store with change events, on SQLite", Endpoints: endpoints,
	}
}

func (discovery *discovery) statistics() micro.Stats {
	stats := micro.Stats{
		ServiceIdentity: discovery.presentIdentity(), Type: micro.StatsResponseType,
		Started: discovery.service.started, Endpoints: []*micro.EndpointStats{},
	}
	figures := discovery.service.Statistics()
	for _, endpoint := range discovery.endpoints() {
		name := endpoint.verb.endpointName()
		stats.Endpoints = append(stats.Endpoints, endpoint.statistics.endpointStats(name, endpoint.subscription.Subject, figures[name]))
	}
	return stats
}

// stop lets the endpoints take the messages that the broker has delivered, and no others.
// If the connection is closed, it has ended the endpoints already.
func (discovery *discovery) stop() error {
	discovery.mutex.Lock()
	var subscriptions []*nats.Subscription
	for _, endpoint := range discovery.serving {
		subscriptions = append(subscriptions, endpoint.subscription)
	}
	subscriptions = append(subscriptions, discovery.subscriptions...)
	discovery.serving, discovery.subscriptions = nil, nil
	discovery.mutex.Unlock()
	for _, subscription := range subscriptions {
		if err := subscription.Drain(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			return fmt.Errorf("drain %s: %w", subscription.Subject, err)
		}
	}
	return nil
}
