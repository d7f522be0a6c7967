// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"

	"dappco.re/go/storebus/subjects"
)

// How the connections notice that the broker is away, and how often they try again.
const (
	pingInterval     = 10 * time.Second
	pingsOutstanding = 2
	writeTimeout     = 10 * time.Second
	reconnectWait    = 500 * time.Millisecond
	// awayInterval is the time between two lines about a broker that is away.
	awayInterval = 30 * time.Second
	// refusalInterval is the time between two lines about what the broker refuses.
	refusalInterval = 10 * time.Second
)

// connectBoth makes the two connections: one takes requests and sends replies, the
// other publishes events and nothing else, so that the answer to a flush on it says
// that they have arrived.
func (sidecar *Sidecar) connectBoth(ctx context.Context) (err error) {
	config := &sidecar.config
	if sidecar.requests, err = sidecar.connect(ctx, "requests", &config.NATS.NATSCredentials); err != nil {
		return fmt.Errorf("the connection for requests: %w", err)
	}
	// What is written while the broker is away must be an error: the log has it.
	if sidecar.events, err = sidecar.connect(ctx, "events", &config.EventsNATS, nats.ReconnectBufSize(-1)); err != nil {
		return fmt.Errorf("the connection for events: %w", err)
	}
	return nil
}

// connect makes one connection. Where the broker is away it waits; a refusal, which
// no waiting mends, is an error.
func (sidecar *Sidecar) connect(ctx context.Context, purpose string, credentials *NATSCredentials, more ...nats.Option) (*nats.Conn, error) {
	options, err := sidecar.options(purpose, credentials)
	if err != nil {
		return nil, err
	}
	options = append(options, more...)
	connection, err := sidecar.dial(options)
	if err == nil || !isAway(err) {
		return connection, err
	}
	sidecar.config.Logger.Warn("the broker is away: waiting for it", "broker", sidecar.config.NATS.name(), "error", err)
	connected := make(chan struct{})
	connection, err = sidecar.dial(append(options,
		nats.RetryOnFailedConnect(true),
		nats.ConnectHandler(func(*nats.Conn) { close(connected) })))
	if err != nil {
		return nil, err
	}
	select {
	case <-connected:
		return connection, nil
	case <-ctx.Done():
		connection.Close()
		return nil, fmt.Errorf("waiting for the broker %s: %w", sidecar.config.NATS.name(), ctx.Err())
	}
}

// dial connects to the broker that is configured, or to the sidecar's own.
func (sidecar *Sidecar) dial(options []nats.Option) (*nats.Conn, error) {
	switch {
	case sidecar.broker != nil:
		return nats.Connect(nats.DefaultURL, append(options, nats.InProcessServer(sidecar.broker))...)
	case sidecar.config.NATS.Context != "":
		connection, _, err := natscontext.Connect(sidecar.config.NATS.Context, options...)
		return connection, err
	}
	return nats.Connect(sidecar.config.NATS.URL, options...)
}

// isAway tells a broker that may come back from one that refuses. A refused
// connection is ErrNoServers to the client.
func isAway(err error) bool {
	for _, away := range []error{nats.ErrNoServers, nats.ErrTimeout, io.EOF} {
		if errors.Is(err, away) {
			return true
		}
	}
	_, isNetwork := errors.AsType[*net.OpError](err)
	return isNetwork
}

func (sidecar *Sidecar) options(purpose string, credentials *NATSCredentials) ([]nats.Option, error) {
	authorisation, err := credentials.options()
	if err != nil {
		return nil, err
	}
	events := &connectionEvents{sidecar: sidecar, logger: sidecar.config.Logger.With("connection", purpose)}
	return slices.Concat(sidecar.config.NATS.options(), authorisation, []nats.Option{
		nats.Name("storebus " + purpose + " " + sidecar.config.Instance),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsOutstanding),
		nats.FlusherTimeout(writeTimeout),
		// A write that fails in the background loses what was in it: the connection is
		// replaced, which everybody sees.
		nats.ReconnectOnFlusherError(),
		nats.DisconnectErrHandler(events.disconnected),
		nats.ReconnectHandler(events.reconnected),
		nats.ReconnectErrHandler(events.stillAway),
		nats.ErrorHandler(events.failed),
		nats.ClosedHandler(events.closed),
	}), nil
}

// options are how the broker is reached, by both connections.
func (config *NATSConfig) options() (options []nats.Option) {
	if config.CertificateFile != "" {
		options = append(options, nats.ClientCert(config.CertificateFile, config.KeyFile))
	}
	if config.AuthorityFile != "" {
		options = append(options, nats.RootCAs(config.AuthorityFile))
	}
	if config.InboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(config.InboxPrefix))
	}
	return options
}

// name says which broker is meant; a URL may hold a password and is not repeated.
func (config *NATSConfig) name() string {
	if config.Context != "" {
		return "of context " + config.Context
	}
	return redact(config.URL)
}

// connectionEvents logs what happens to one connection.
type connectionEvents struct {
	sidecar *Sidecar
	logger  *slog.Logger
	// These belong to the connection's callbacks, which run one after the other.
	lastAway, lastRefusal time.Time
	silentRefusals        uint64
}

func (events *connectionEvents) disconnected(_ *nats.Conn, err error) {
	if err != nil {
		events.logger.Warn("the broker is away", "error", err)
	}
}

func (events *connectionEvents) reconnected(connection *nats.Conn) {
	events.logger.Info("the broker is back", "broker", connection.ConnectedUrlRedacted())
	// It may have come back with another max_payload, or be another one.
	if err := events.sidecar.fitStore(connection); err != nil {
		events.logger.Error("the store could not be fitted to the broker", "error", err)
	}
}

func (events *connectionEvents) stillAway(_ *nats.Conn, err error) {
	if time.Since(events.lastAway) < awayInterval {
		return
	}
	events.lastAway = time.Now()
	events.logger.Warn("the broker is still away, trying again", "error", err)
}

func (events *connectionEvents) failed(_ *nats.Conn, subscription *nats.Subscription, err error) {
	if subscription != nil {
		events.logger.Error("error on a subscription", "subject", subscription.Subject, "error", err)
		return
	}
	if errors.Is(err, nats.ErrPermissionViolation) {
		events.refused(err)
		return
	}
	events.logger.Error("error on the connection", "error", err)
}

// refused is called for each thing that the broker does not permit. It may come with
// every request, for a client chooses where its reply goes.
func (events *connectionEvents) refused(err error) {
	if time.Since(events.lastRefusal) < refusalInterval {
		events.silentRefusals++
		return
	}
	logger := events.logger
	if isReplyToAnotherAccount(err) {
		logger = logger.With("remedy", "the request came from another account: permit what storebus permissions --accounts prints")
	}
	logger.Error("the broker does not permit this", "error", err, "silent", events.silentRefusals)
	events.lastRefusal, events.silentRefusals = time.Now(), 0
}

// isReplyToAnotherAccount reports whether the broker has refused a reply whose subject it
// made itself. It names the subject in words only.
func isReplyToAnotherAccount(refusal error) bool {
	return strings.Contains(refusal.Error(), `Publish to "`+subjects.ServiceReplyPrefix)
}

// closed is called when a connection has ended for good: by disconnect, or because
// the broker refused what was sent.
func (events *connectionEvents) closed(connection *nats.Conn) {
	select {
	case <-events.sidecar.closing:
	default:
		events.sidecar.fail(fmt.Errorf("%w: %w", ErrDisconnected, connection.LastError()))
	}
}

// disconnect sends what is written and closes both connections.
func (sidecar *Sidecar) disconnect() {
	for _, connection := range []*nats.Conn{sidecar.requests, sidecar.events} {
		if connection == nil {
			continue
		}
		if connection.IsConnected() {
			if err := connection.FlushTimeout(flushTimeout); err != nil {
				sidecar.config.Logger.Warn("the last replies may not have arrived", "error", err)
			}
		}
		connection.Close()
	}
}
