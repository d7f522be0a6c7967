// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/broker"
	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/subjects"
)

// How the connections notice that the broker is away, and how often they try again.
const (
	pingInterval     = 10 * time.Second
	pingsOutstanding = 2
	writeTimeout     = 10 * time.Second
	reconnectWait    = 500 * time.Millisecond
)

// The connections, by their purpose.
const (
	purposeRequests = "requests"
	purposeEvents   = "events"
)

// connectBoth opens the two connections. One takes requests and sends replies. The other
// publishes only events, so the answer to a flush on it confirms them.
func (sidecar *Sidecar) connectBoth(ctx context.Context, joined *bus) (err error) {
	config := &sidecar.config
	if joined.requests, err = sidecar.connect(ctx, joined, purposeRequests, &config.NATS.NATSCredentials); err != nil {
		return fmt.Errorf("the connection for requests: %w", err)
	}
	if joined.events, err = sidecar.connect(ctx, joined, purposeEvents, &config.EventsNATS); err != nil {
		return fmt.Errorf("the connection for events: %w", err)
	}
	return nil
}

// connect makes one connection. If the broker is away it waits; a refusal, which
// no waiting mends, is an error.
func (sidecar *Sidecar) connect(ctx context.Context, joined *bus, purpose string, credentials *NATSCredentials) (*nats.Conn, error) {
	events := &connectionEvents{bus: joined, purpose: purpose, logger: sidecar.config.Logger.With("connection", purpose)}
	options := append(sidecar.options(purpose, events), joined.lines[purpose].Option)
	defer sidecar.awaited.Store(false)
	for {
		connection, err := sidecar.dial(events, credentials, options)
		if err == nil {
			events.arrived(connection)
			return connection, nil
		}
		if sidecar.broker != nil {
			return nil, fmt.Errorf("%w: the sidecar's own broker does not take it; the sidecar needs a user in the configuration of the broker: %w", nats.ErrAuthorization, err)
		}
		if !isAway(err) {
			return nil, err
		}
		sidecar.awaited.Store(true)
		events.waitingFor(sidecar.config.NATS.name(), err)
		select {
		case <-time.After(reconnectWait):
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the broker %s: %w", sidecar.config.NATS.name(), ctx.Err())
		}
	}
}

// dial connects to the broker that is configured, or to the sidecar's own.
func (sidecar *Sidecar) dial(events *connectionEvents, credentials *NATSCredentials, options []nats.Option) (*nats.Conn, error) {
	target := broker.Target{URL: sidecar.config.NATS.URL, Context: sidecar.config.NATS.Context, Authorisation: credentials.options, Renewed: events.renewed}
	if sidecar.broker != nil {
		target.URL, options = nats.DefaultURL, append(options, nats.InProcessServer(sidecar.broker))
	}
	return broker.Connect(target, options...)
}

// Connect connects to the broker as the sidecar does, for another program with the same
// settings. The options come after the options of the configuration. It returns the error of
// the NATS client, or of a file that it cannot read.
//
//	connection, err := (&storebus.NATSConfig{Context: "berlin"}).Connect(nats.Name("report"))
func (config *NATSConfig) Connect(options ...nats.Option) (*nats.Conn, error) {
	connection, err := broker.Connect(broker.Target{
		URL: config.URL, Context: config.Context, Authorisation: config.NATSCredentials.options,
	}, append(config.options(), options...)...)
	if err != nil {
		return nil, fmt.Errorf("storebus.Connect: %w", err)
	}
	return connection, nil
}

// isAway reports whether the broker is away and may come back, rather than refusing. The client
// reports a refused connection as ErrNoServers.
func isAway(err error) bool {
	for _, away := range []error{nats.ErrNoServers, nats.ErrTimeout, io.EOF} {
		if errors.Is(err, away) {
			return true
		}
	}
	_, isNetwork := errors.AsType[*net.OpError](err)
	return isNetwork && !isAlert(err)
}

func (sidecar *Sidecar) options(purpose string, events *connectionEvents) []nats.Option {
	return append(sidecar.config.NATS.options(),
		nats.Name("storebus "+purpose+" "+sidecar.config.Instance),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsOutstanding),
		nats.FlusherTimeout(writeTimeout),
		// A write that fails in the background loses its messages. The connection is then
		// replaced, and everybody sees that.
		nats.ReconnectOnFlusherError(),
		// A message written while the broker is away must be an error. The log has the event. A
		// reply may not go out before the look for another sidecar.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(events.disconnected),
		nats.ReconnectHandler(events.reconnected),
		nats.ReconnectErrHandler(events.stillAway),
		nats.ErrorHandler(events.failed),
		nats.ClosedHandler(events.closed),
	)
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

// The states of a connection that the log has a line for.
const (
	stateConnected = ""
	stateAway      = "away"
	stateRefused   = "refused"
)

// connectionEvents logs the states of one connection: a line if the state changes.
type connectionEvents struct {
	bus       *bus
	purpose   string
	logger    *slog.Logger
	condition logging.Condition
	// unreadable is why the secrets could not be read again, nil if they could.
	unreadable atomic.Pointer[error]
}

// waitingFor is called for each attempt of the start that finds nobody.
func (events *connectionEvents) waitingFor(name string, err error) {
	events.attempted(err)
	if _, changed := events.condition.Becomes(stateAway); changed {
		events.logger.Warn("the broker is away: waiting for it", "broker", name, "error", err)
	}
}

// attempted is called for each attempt to connect that has failed.
func (events *connectionEvents) attempted(err error) {
	events.logger.Debug("an attempt to connect has failed", "error", err)
}

// arrived ends the bad state of the connection, if there was one.
func (events *connectionEvents) arrived(connection *nats.Conn) {
	if connection.Opts.InProcessServer == nil {
		events.logger.Debug("connected", "broker", connection.ConnectedUrlRedacted())
	}
	if leftOut, changed := events.condition.Becomes(stateConnected); changed {
		events.logger.Info("the broker is back", "broker", connection.ConnectedUrlRedacted(), "left_out", leftOut)
	}
}

func (events *connectionEvents) disconnected(_ *nats.Conn, err error) {
	// A broker that has refused ends the line too.
	if err != nil && !events.condition.Holds() {
		events.away(err)
	}
}

func (events *connectionEvents) reconnected(connection *nats.Conn) {
	events.arrived(connection)
	if events.purpose == purposeRequests {
		events.bus.denied.Store(nil) // the broker repeats its refusals if it still has any
	}
	if settle(context.Background(), connection) != nil {
		return // it is away again, and this is called again when it is back
	}
	if err := events.bus.payload.reconnected(connection, events.purpose == purposeEvents); err != nil {
		events.logger.Error("writes are refused: the broker carries too little", "error", err)
	}
}

// stillAway is called for each attempt to connect again that finds nobody.
func (events *connectionEvents) stillAway(_ *nats.Conn, err error) {
	events.attempted(err)
	events.away(err)
}

func (events *connectionEvents) away(err error) {
	if leftOut, changed := events.condition.Becomes(stateAway); changed {
		events.logger.Warn("the broker is away", "error", err, "left_out", leftOut)
	}
}

// renewed is called before each attempt to connect again.
func (events *connectionEvents) renewed(err error) {
	events.unreadable.Store(nil)
	if err != nil {
		events.unreadable.Store(&err)
	}
}

// refused is called for each time that the broker does not let the sidecar in.
func (events *connectionEvents) refused(err error) {
	if leftOut, changed := events.condition.Becomes(stateRefused); changed {
		if unreadable := events.unreadable.Load(); unreadable != nil {
			err = errors.Join(err, *unreadable)
		}
		events.logger.Error("the broker refuses who connects; secrets in files are read again", "error", err, "left_out", leftOut)
	}
}

func (events *connectionEvents) failed(_ *nats.Conn, subscription *nats.Subscription, err error) {
	switch {
	case subscription != nil:
		events.logger.Error("error on a subscription", "subject", subscription.Subject, "error", err)
	case errors.Is(err, nats.ErrPermissionViolation):
		if isDeniedSubscription(err) {
			events.bus.denied.Store(&err)
		}
		events.notPermitted(err)
	case isRefusal(err), events.condition.Holds() && !isAway(err):
		events.refused(err)
	case !events.condition.Holds():
		events.logger.Error("error on the connection", "error", err)
	}
}

// notPermitted is called for each refusal of the broker. It may come with every request,
// because the client chooses the destination of its reply.
func (events *connectionEvents) notPermitted(err error) {
	logger := events.logger
	if isReplyToAnotherAccount(err) {
		logger = logger.With("remedy", "the request came from another account: permit what storebus permissions --accounts prints")
	}
	logger.Error("the broker does not permit this", "error", err)
}

// isRefusal reports whether a broker has refused the credentials.
func isRefusal(err error) bool {
	for _, refusal := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return isAlert(err)
}

// isAlert reports whether the other side has refused a certificate, or the like.
func isAlert(err error) bool {
	operation, ok := errors.AsType[*net.OpError](err)
	return ok && operation.Op == "remote error"
}

// isDeniedSubscription reports whether the broker has refused a subscription. It says so in
// words only.
func isDeniedSubscription(refusal error) bool {
	return strings.Contains(refusal.Error(), "Violation for Subscription")
}

// isReplyToAnotherAccount reports whether the broker has refused a reply to a subject that
// it created itself. The error names the subject only in its text.
func isReplyToAnotherAccount(refusal error) bool {
	return strings.Contains(refusal.Error(), `Publish to "`+subjects.ServiceReplyPrefix)
}

// closed is called when a connection has ended for good: the sidecar has closed it, or the
// broker has refused a message.
func (events *connectionEvents) closed(connection *nats.Conn) {
	if events.bus.leaving.Load() {
		return
	}
	select {
	case events.bus.ended <- fmt.Errorf("the connection for %s: %w", events.purpose, connection.LastError()):
	default: // the other one has ended before
	}
}
