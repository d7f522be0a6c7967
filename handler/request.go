// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/micro"

	"dappco.re/go/storebus/subjects"
)

// maxTraceParentBytes is more than any traceparent takes; what is longer, or is
// not printable ASCII, is no traceparent and is left out.
const maxTraceParentBytes = 128

// request is one message to an endpoint and what its subject says.
type request struct {
	service  *Service
	endpoint *endpoint
	received time.Time

	subject string
	reply   string
	data    []byte
	headers micro.Headers

	address     subjects.Address
	traceParent string
	// messageID makes a write of a namespace safe to repeat; empty: it has none.
	messageID string
	// group and key are what the request is about, for the messages of errors.
	group, key string
	// workspace is the one that the request is about, if it is.
	workspace string
	// place is that of the operation at fault in a transaction: then/3.
	place string
	// waits marks a request that may be held for a while: it is not one of those in
	// hand, and has a bound of its own.
	waits bool

	// held is what the queue counts for the request; answered says that the result is
	// counted in it already.
	held     portion
	answered bool
}

func newRequest(endpoint *endpoint, message micro.Request) request {
	return request{
		service:  endpoint.service,
		endpoint: endpoint,
		received: time.Now(),
		subject:  message.Subject(),
		reply:    message.Reply(),
		data:     message.Data(),
		headers:  message.Headers(),
	}
}

// mayBeServed looks at where the reply would go, which the broker does not check.
// A write without a reply subject is executed, a read without one has no use.
func (request *request) mayBeServed() bool {
	if request.reply == "" {
		if !request.endpoint.writes {
			request.endpoint.statistics.withoutReply.Add(1)
		}
		return request.endpoint.writes
	}
	err := request.service.space.CheckReply(request.subject, request.reply)
	if err == nil {
		return true
	}
	request.endpoint.statistics.refusedReplies.Add(1)
	request.service.logger.Warn("request not executed", "subject", request.subject, "error", err)
	return false
}

// parse reads the subject and the headers that every verb has.
func (request *request) parse() (err error) {
	if request.address, err = request.service.space.Parse(request.subject); err != nil {
		return err
	}
	request.group, request.key = request.address.Group, request.address.Key
	if len(request.headers) == 0 {
		return nil
	}
	traceParent, _, err := request.header(subjects.HeaderTraceParent)
	if isTraceParent(traceParent) {
		request.traceParent = traceParent
	}
	if err == nil && request.endpoint.writes && request.endpoint.verb.form != formAdmin {
		err = request.parseMessageID()
	}
	return err
}

func (request *request) parseMessageID() error {
	id, given, err := request.header(subjects.HeaderMessageID)
	if err != nil || !given {
		return err
	}
	request.messageID = id
	return subjects.CheckMessageID(id)
}

// header gives the one value of a header, and whether it is there. A repeated
// header is 400.
func (request *request) header(name string) (value string, given bool, err error) {
	values := request.headers.Values(name)
	switch len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], true, nil
	}
	return "", true, subjects.BadField(name, fmt.Sprintf("header %s is given %d times", name, len(values)))
}

// refuseHeaders returns 400 where one of the headers is there.
func (request *request) refuseHeaders(reason string, names ...string) error {
	for _, name := range names {
		if len(request.headers.Values(name)) > 0 {
			return subjects.BadField(name, fmt.Sprintf("header %s %s", name, reason))
		}
	}
	return nil
}

// size is what the request takes up while it is in hand.
func (request *request) size() int64 {
	return int64(len(request.subject) + len(request.reply) + len(request.data))
}

// wholeGroup is the name of a group of the request's namespace, as the store
// takes it: "acme:config".
func (request *request) wholeGroup(group string) string {
	return request.address.Namespace + ":" + group
}

// localGroup is the name of a group as replies show it: "config" of "acme:config".
func (request *request) localGroup(group string) string {
	return strings.TrimPrefix(group, request.address.Namespace+":")
}

// method names what was asked in the way of the store's methods: store.GetMany.
func (request *request) method() string {
	name := "store."
	for word := range strings.SplitSeq(string(request.endpoint.verb.name), "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}

// message begins with the operation and, where the request is about one, the entry:
// "store.Set: config/theme: the sidecar is shutting down".
func (request *request) message(text string) string {
	if request.key == "" {
		return request.prefix() + text
	}
	return fmt.Sprintf("%s%s/%s: %s", request.prefix(), request.group, request.key, text)
}

// entryMessage is message for what is said of the entry itself: "store.Get:
// config/theme is not there".
func (request *request) entryMessage(text string) string {
	return fmt.Sprintf("%s%s/%s %s", request.prefix(), request.group, request.key, text)
}

// prefix is the operation and, within a transaction, the place of the one at fault.
func (request *request) prefix() string {
	if request.place == "" {
		return request.method() + ": "
	}
	return request.method() + ": " + request.place + ": "
}

// maxReply is the largest payload that the connection takes now.
func (request *request) maxReply() int {
	return int(request.service.connection.MaxPayload())
}

func (request *request) storeID() string { return request.service.store.ID() }

func isTraceParent(text string) bool {
	if len(text) > maxTraceParentBytes {
		return false
	}
	for index := range len(text) {
		if text[index] < ' ' || text[index] > '~' {
			return false
		}
	}
	return true
}
