// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"dappco.re/go/storebus/subjects"
)

// errMalformed reports a reply that the contract does not know.
var errMalformed = errors.New("the reply is not one of storebus")

// mayHaveHappened is the message for a write without a reply.
const mayHaveHappened = "the write may have happened"

// notSentErrors are the errors of NATS after which the sidecar cannot have had the
// request.
var notSentErrors = []error{
	nats.ErrNoResponders,
	nats.ErrMaxPayload,
	nats.ErrBadSubject,
	nats.ErrConnectionDraining,
	nats.ErrReconnectBufExceeded,
	nats.ErrHeadersNotSupported,
	nats.ErrInvalidConnection,
}

// call is one request: its name in errors, and its content.
type call struct {
	// method names the call in errors: "Set".
	method string
	// namespace is empty in an operator's call.
	namespace string
	verb      subjects.Verb
	body      subjects.Request
	// writes says that a missing reply leaves the outcome unknown.
	writes bool
	// messageID lets the sidecar recognise further attempts at the same write. Without an
	// id the write is sent once.
	messageID string
	// wait is how long the sidecar may hold the reply.
	wait time.Duration
}

// write makes the call of a write that is sent again until its outcome is known. It uses
// the caller's message id, or a new one.
func write(method, namespace string, verb subjects.Verb, body subjects.Request, messageID string) call {
	if messageID == "" {
		messageID = nuid.Next()
	}
	return call{method: method, namespace: namespace, verb: verb, body: body, writes: true, messageID: messageID}
}

// exchange sends a call and decodes its reply. Every error names the call.
func exchange[Reply any](ctx context.Context, client *Client, call call) (Reply, error) {
	var reply Reply
	body, err := client.roundTrip(ctx, call)
	if err == nil {
		err = decode(body, &reply)
	}
	if err != nil {
		var none Reply
		return none, named(call.method, err)
	}
	return reply, nil
}

// named puts the name of the call before an error.
func named(method string, err error) error {
	return fmt.Errorf("client.%s: %w", method, err)
}

// decode reads a reply or an event. It ignores unknown fields, because a newer sidecar
// may send more.
func decode(body []byte, target any) error {
	if err := json.Unmarshal(body, target); err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	return nil
}

// check refuses a call that the contract does not allow, before anything is sent.
func (call *call) check() error {
	if !call.verb.IsAdmin() {
		if err := subjects.CheckNamespace(call.namespace); err != nil {
			return err
		}
	}
	if call.messageID != "" {
		if err := subjects.CheckMessageID(call.messageID); err != nil {
			return err
		}
	}
	return call.body.Check()
}

func (call *call) subject(space subjects.Space) string {
	if call.verb.IsAdmin() {
		return space.Admin(call.verb)
	}
	return space.Request(call.namespace, call.verb)
}

// roundTrip sends the request, again if necessary, and returns the body of a success
// reply.
func (client *Client) roundTrip(ctx context.Context, call call) ([]byte, error) {
	if err := cmp.Or(client.usable(ctx), call.check()); err != nil {
		return nil, err
	}
	body, err := json.Marshal(call.body)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	message := &nats.Msg{Subject: call.subject(client.space), Data: body}
	if call.messageID != "" {
		message.Header = nats.Header{subjects.HeaderMessageID: {call.messageID}}
	}
	ctx, cancel := client.bounded(ctx, call.wait)
	defer cancel()
	if err := client.ready(ctx); err != nil {
		return nil, fmt.Errorf("%s was not sent: %w", message.Subject, err)
	}
	reply, err := newDelivery(client, &call, message).run(ctx)
	if err != nil {
		return nil, err
	}
	if client.replyFunc != nil {
		client.replyFunc(message.Subject, reply)
	}
	return reply, nil
}

// usable returns an error if the client was not made by New, or the context is nil.
func (client *Client) usable(ctx context.Context) error {
	switch {
	case client == nil || client.connection == nil:
		return fmt.Errorf("%w: the client is none; use client.New", nats.ErrInvalidConnection)
	case ctx == nil:
		return fmt.Errorf("%w: it is nil; use context.Background()", nats.ErrInvalidContext)
	default:
		return nil
	}
}

// send sends a message once and returns the body of a success reply.
func (client *Client) send(ctx context.Context, message *nats.Msg, writes bool) ([]byte, error) {
	reply, err := client.connection.RequestMsgWithContext(ctx, message)
	if err != nil {
		return nil, client.transportError(message.Subject, writes, err)
	}
	if err := errorOf(reply, writes); err != nil {
		return nil, err
	}
	return reply.Data, nil
}

// bounded adds the client's timeout to a context without a deadline.
func (client *Client) bounded(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, client.timeout+wait)
}

// ready returns an error if a request cannot be sent at all. It is checked before sending,
// so that the outcome of a write is not unknown.
func (client *Client) ready(ctx context.Context) error {
	if client.connection.IsClosed() {
		return nats.ErrConnectionClosed
	}
	return ctx.Err()
}

// transportError explains why a request has no reply.
func (client *Client) transportError(subject string, writes bool, err error) error {
	broker := client.connection.ConnectedUrlRedacted()
	if broker == "" {
		broker = "a broker that is away"
	}
	if errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("no storebus answers on %s at %s: %w", subject, broker, err)
	}
	for _, notSent := range notSentErrors {
		if errors.Is(err, notSent) {
			return fmt.Errorf("%s was not sent: %w", subject, err)
		}
	}
	silence := fmt.Errorf("no reply on %s at %s", subject, broker)
	if reason := client.refusalOf(subject); reason != "" {
		silence = fmt.Errorf("%w (%w)", silence, refusal(reason))
	}
	if writes {
		return fmt.Errorf("%w: %w: %w", silence, subjects.ErrOutcomeUnknown.New(mayHaveHappened), err)
	}
	return fmt.Errorf("%w: %w", silence, err)
}

// refusal is the probable reason for silence: a permission that the user does not have.
type refusal string

func (reason refusal) Error() string { return string(reason) }

func (reason refusal) Is(target error) bool { return target == nats.ErrPermissionViolation }

// refusalOf returns the usual reasons for silence, "" if there is none. If a reply would go
// to another user's inbox, the sidecar does not execute the request. If a connection may
// not publish a message, the broker drops it, and reports that to the connection instead of
// the request.
func (client *Client) refusalOf(subject string) string {
	last := client.connection.LastError()
	complained := errors.Is(last, nats.ErrPermissionViolation)
	reply := client.space.CheckReply(subject, client.connection.NewInbox())
	isAdmin := strings.HasPrefix(subject, client.space.Admin(""))
	switch {
	case isAdmin && (reply != nil || complained && strings.Contains(last.Error(), subject)):
		return "this call needs an operator's user, with an inbox prefix of " + client.space.InboxPrefix(subjects.UserOperator)
	case reply != nil:
		return reply.Error()
	case complained:
		return fmt.Sprintf("the broker's last complaint: %v", last)
	}
	return ""
}

// errorOf returns the error in a reply, nil if there is none. If the headers are lost,
// nobody can say whether a reply is an error.
func errorOf(reply *nats.Msg, writes bool) error {
	if reply.Header == nil && reply.Size() > len(reply.Subject)+len(reply.Reply)+len(reply.Data) {
		err := fmt.Errorf("%w: its header block could not be decoded", errMalformed)
		if writes {
			err = fmt.Errorf("%w: %w", err, subjects.ErrOutcomeUnknown.New(mayHaveHappened))
		}
		return err
	}
	code := headerOf(reply, subjects.HeaderErrorCode)
	if code == "" {
		return nil
	}
	failure, err := subjects.ParseError(reply.Data)
	if err != nil {
		return fmt.Errorf("%w: error %s, %s", errMalformed, code, headerOf(reply, subjects.HeaderError))
	}
	return failure
}

// headerOf returns the value of a header, or "". A proxy may have written the name in
// another case.
func headerOf(reply *nats.Msg, name string) string {
	for given, values := range reply.Header {
		if strings.EqualFold(given, name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}
