// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

const (
	// usualMaxPayload is the max_payload of a NATS server if its configuration has none.
	usualMaxPayload = 1 << 20
	// instancesWait is the time in which instances must answer.
	instancesWait = 300 * time.Millisecond
)

// broker connects, and reports on the connection. It returns an error if no more checks are
// possible.
func (examination *examination) broker() error {
	call := examination.call
	if name := call.contextName(); name != "" {
		examination.report(fine("context", "the NATS context %q", name))
	} else {
		examination.report(fine("context", "no NATS context; the URL is %s", call.urlOrigin()))
	}
	connection, err := call.connect(call.declared)
	if err != nil {
		if errors.Is(err, errBroker) {
			examination.report(fine("broker", "%s", plain(err)).fails(brokerRemedy(err)))
		}
		return err
	}
	examination.connection = connection
	examination.report(fine("broker", "%s, nats-server %s", connection.ConnectedUrlRedacted(), connection.ConnectedServerVersion()))
	trip, err := connection.RTT()
	if err != nil {
		examination.report(fine("round trip", "%v", err).fails("look at the log of the broker"))
		return brokerError{err}
	}
	examination.report(tripFinding(trip), payloadFinding(connection.MaxPayload()))
	return nil
}

// urlOrigin says which setting gave the URL of the broker.
func (call *call) urlOrigin() string {
	switch {
	case call.given[natsFlag]:
		return "that of --" + natsFlag
	case call.command.IsSet(natsFlag):
		return "that of STOREBUS_NATS or NATS_URL"
	}
	return "the default"
}

func brokerRemedy(err error) string {
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) {
		return userRemedy
	}
	return "start storebus serve or a NATS server there, or name another broker with --nats or --context"
}

func tripFinding(trip time.Duration) finding {
	found := fine("round trip", "%s to the broker", milliseconds(trip))
	if trip > slowRoundTrip {
		return found.warns("run the program nearer to the broker, or look at the network")
	}
	return found
}

func payloadFinding(limit int64) finding {
	found := fine("max_payload", "a message may have %s", humanize.IBytes(uint64(max(limit, 0))))
	if limit < usualMaxPayload {
		return found.warns("raise max_payload of the broker: no larger value can be stored or read")
	}
	return found
}

// milliseconds formats a short time for a person.
func milliseconds(duration time.Duration) string {
	return fmt.Sprintf("%.3g ms", float64(duration)/float64(time.Millisecond))
}

// errNotPermitted is returned if the broker refuses a subject to the user.
var errNotPermitted = errors.New("the broker does not permit it to this user")

// ask sends a request and returns the first reply. The broker refuses a subject before it
// answers the flush.
func (examination *examination) ask(ctx context.Context, subject, body string) (*nats.Msg, error) {
	replies, err := examination.request(ctx, subject, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = replies.Unsubscribe() }()
	reply, err := replies.NextMsgWithContext(ctx)
	if err != nil {
		return nil, err
	}
	return reply, replyError(reply)
}

// replyError returns the error in a reply, nil if there is none.
func replyError(reply *nats.Msg) error {
	var failure subjects.ErrorBody
	switch {
	case isNoResponder(reply):
		return nats.ErrNoResponders
	case reply.Header.Get(subjects.HeaderErrorCode) == "":
		return nil
	case json.Unmarshal(reply.Data, &failure) != nil || failure.Error == nil:
		return errors.New(reply.Header.Get(subjects.HeaderError))
	}
	return failure.Error
}

func isNoResponder(reply *nats.Msg) bool {
	return len(reply.Data) == 0 && reply.Header.Get("Status") == "503"
}

// request sends a request and returns the subscription for its replies.
func (examination *examination) request(ctx context.Context, subject, body string) (*nats.Subscription, error) {
	connection := examination.connection
	inbox := connection.NewInbox()
	replies, err := examination.subscribe(ctx, inbox)
	if err != nil {
		return nil, err
	}
	refused := connection.LastError()
	err = connection.PublishRequest(subject, inbox, []byte(body))
	if err == nil {
		err = examination.permitted(ctx, refused)
	}
	if err != nil {
		_ = replies.Unsubscribe()
		return nil, err
	}
	return replies, nil
}

// subscribe returns errNotPermitted if the user may not receive a subject.
func (examination *examination) subscribe(ctx context.Context, subject string) (*nats.Subscription, error) {
	refused := examination.connection.LastError()
	subscription, err := examination.connection.SubscribeSync(subject)
	if err == nil {
		err = examination.permitted(ctx, refused)
	}
	return subscription, err
}

// permitted waits until the broker has processed all messages sent. It returns
// errNotPermitted if the broker has refused more than before.
func (examination *examination) permitted(ctx context.Context, before error) error {
	if err := examination.connection.FlushWithContext(ctx); err != nil {
		return err
	}
	after := examination.connection.LastError()
	if errors.Is(after, nats.ErrPermissionViolation) && after != before { //nolint:errorlint // it is another error than before, of the same kind
		return errNotPermitted
	}
	return nil
}

// sidecar looks for the instances of the prefix. It returns an error if there is none, or
// if no reply can be received.
func (examination *examination) sidecar(ctx context.Context) error {
	probe, err := examination.subscribe(ctx, examination.connection.NewInbox())
	if err != nil {
		examination.report(fine("inbox", "%v: it cannot receive a reply", err).fails("give the --inbox-prefix that storebus permissions shows beside the user"))
		return examination.result()
	}
	_ = probe.Unsubscribe()
	subject, err := micro.ControlSubject(micro.InfoVerb, handler.ServiceName, "")
	if err != nil {
		return err
	}
	instances, err := examination.instances(ctx, subject)
	switch {
	case errors.Is(err, errNotPermitted):
		examination.report(fine("sidecar", "%s: %v", subject, err).warns("connect as an operator to see which sidecars there are"))
		return nil
	case err != nil:
		examination.report(fine("sidecar", "%v", err).fails("look at the log of the broker"))
		return examination.result()
	}
	return examination.reportInstances(instances)
}

// instances asks all sidecars of the broker for their names and prefixes.
func (examination *examination) instances(ctx context.Context, subject string) (instances []micro.Info, err error) {
	replies, err := examination.request(ctx, subject, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = replies.Unsubscribe() }()
	ctx, cancel := context.WithTimeout(ctx, instancesWait)
	defer cancel()
	for {
		reply, err := replies.NextMsgWithContext(ctx)
		if err != nil || isNoResponder(reply) {
			return instances, nil
		}
		var info micro.Info
		if json.Unmarshal(reply.Data, &info) == nil {
			instances = append(instances, info)
		}
	}
}

func (examination *examination) reportInstances(all []micro.Info) error {
	prefix := examination.space.Prefix()
	var names, prefixes []string
	for _, each := range all {
		if other := each.Metadata[handler.MetadataPrefix]; other != prefix {
			prefixes = append(prefixes, other)
			continue
		}
		names = append(names, fmt.Sprintf("%s, version %s", each.Metadata[handler.MetadataInstance], each.Version))
	}
	slices.Sort(names)
	switch len(names) {
	case 0:
		found := fine("sidecar", "no storebus serves the prefix %q", prefix)
		if len(prefixes) > 0 {
			slices.Sort(prefixes)
			examination.report(found.fails("give --prefix: there are sidecars with " + strings.Join(slices.Compact(prefixes), ", ")))
		} else {
			examination.report(found.fails("start storebus serve on this broker"))
		}
		return fmt.Errorf("%s: %w", found.Finding, nats.ErrNoResponders)
	case 1:
		examination.report(fine("sidecar", "%s", names[0]))
	default:
		examination.report(fine("sidecar", "%d instances serve the prefix %q: %s", len(names), prefix, strings.Join(names, "; ")).
			fails("stop all of them but the one with the right database, or give each a --prefix of its own"))
	}
	return nil
}
