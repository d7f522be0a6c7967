// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// maxTraceParentBytes is more than any traceparent takes. If the text is longer, or is not
// printable ASCII, it is left out.
const maxTraceParentBytes = 128

// request is one message to an endpoint, with the content of its subject and headers.
type request struct {
	service  *Service
	endpoint *endpoint
	received time.Time
	// replied is when the reply was made.
	replied time.Time

	subject string
	reply   string
	data    []byte
	// given are the headers as they came. undecodable says that the library could not
	// read some headers.
	given       nats.Header
	undecodable bool

	address     subjects.Address
	headers     subjects.RequestHeaders
	traceParent string
	// messageID makes a write of a namespace safe to repeat. Empty: there is none.
	messageID string
	// group and key name the entry of the request in error messages.
	group, key string
	// valueBytes is the length of the value that a get has read.
	valueBytes int
	// begun is the reply with the value of a get in it, if memory has held the entry.
	begun *answer
	// workspace is the workspace of the request, if there is one.
	workspace string
	// place is the place of the failed operation in a transaction: then/3.
	place string
	// pageBytes is the room for the elements of a page. An element that alone is larger
	// comes without its value, so that it never ends the pages.
	pageBytes int
	// omitted are the points of a page that come without their fields and tags.
	omitted map[int64]bool
	// waits marks a request that may be held for a while. It does not count among the
	// requests in hand, and has a bound of its own.
	waits bool
	// caller waits for the reply to a Call. It is nil for a request from the bus.
	caller *caller

	// held is the request's part of the queue. answered says that the result is counted
	// already.
	held     portion
	answered bool
}

func newRequest(endpoint *endpoint, message *nats.Msg) request {
	return request{
		service:     endpoint.service,
		endpoint:    endpoint,
		received:    time.Now(),
		subject:     message.Subject,
		reply:       message.Reply,
		data:        message.Data,
		given:       message.Header,
		undecodable: hasUndecodableHeaders(message),
	}
}

// hasUndecodableHeaders reports whether the library could not read the header block of a
// message, or not to its end. In the first case the library passes the message without
// headers. In the second it skips the text after an empty line. Only the size on the wire
// shows it.
func hasUndecodableHeaders(message *nats.Msg) bool {
	block := message.Size() - len(message.Subject) - len(message.Reply) - len(message.Data)
	if message.Header == nil {
		return block > 0
	}
	return block-sizeOfHeaders(message.Header) >= len("Nats-TTL:1\r\n")
}

// sizeOfHeaders returns the size of a header block with one space after each name.
func sizeOfHeaders(headers nats.Header) int {
	size := len("NATS/1.0\r\n") + len("\r\n")
	for name, values := range headers {
		for _, value := range values {
			size += len(name) + len(": ") + len(value) + len("\r\n")
		}
	}
	return size
}

// mayBeServed checks the reply subject, because the broker does not. A write without a
// reply subject is executed. A read without one has no use.
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
	request.service.logRefusal(request.subject, err)
	return false
}

// logRefusal logs a request that is not executed because of its reply subject.
func (service *Service) logRefusal(subject string, err error) {
	service.logger.Warn("request not executed", "subject", subject, "error", err)
}

// parse reads the subject and the headers.
func (request *request) parse() (err error) {
	if request.address, err = request.service.space.Parse(request.subject); err != nil {
		return err
	}
	request.group, request.key = request.address.Group, request.address.Key
	return request.parseHeaders()
}

// parseHeaders reads the headers, and takes the headers that every verb has.
func (request *request) parseHeaders() (err error) {
	if request.undecodable {
		return subjects.ErrBadRequest.New("the header block could not be decoded: it is NATS/1.0, a line for each header, Name: value, and an empty line at its end")
	}
	if len(request.given) == 0 {
		return nil
	}
	if request.headers, err = subjects.ReadRequestHeaders(request.given); err != nil {
		return err
	}
	if traceParent := request.headers.TraceParent.Text; isTraceParent(traceParent) {
		request.traceParent = traceParent
	}
	if request.headers.MessageID.Given && request.endpoint.writes && request.endpoint.verb.form != formAdmin {
		request.messageID = request.headers.MessageID.Text
		return subjects.CheckMessageID(request.messageID)
	}
	return nil
}

// refuseTTL and refuseIfRevision return 400 if the header is present.
func (request *request) refuseTTL(reason string) error {
	return refuseHeader(subjects.HeaderTTL, request.headers.TTL, reason)
}

func (request *request) refuseIfRevision(reason string) error {
	return refuseHeader(subjects.HeaderIfRevision, request.headers.IfRevision, reason)
}

func refuseHeader(name string, header subjects.HeaderValue, reason string) error {
	if !header.Given {
		return nil
	}
	return subjects.BadField(name, fmt.Sprintf("header %s %s", name, reason))
}

// size returns the bytes of the request while it is in hand.
func (request *request) size() int64 {
	return int64(len(request.subject) + len(request.reply) + len(request.data))
}

// wholeGroup returns the name of a group as the store takes it: "acme:config".
func (request *request) wholeGroup(group string) string {
	return request.address.Namespace + ":" + group
}

// localGroup returns the name of a group as replies show it: "config" for "acme:config".
func (request *request) localGroup(group string) string {
	return strings.TrimPrefix(group, request.address.Namespace+":")
}

// method names the verb like a method of the store: store.GetMany.
func (request *request) method() string {
	name := "store."
	for word := range strings.SplitSeq(string(request.endpoint.verb.name), "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}

// message puts the operation and the entry, if there is one, before a text: "store.Set:
// config/theme: the sidecar is shutting down".
func (request *request) message(text string) string {
	if request.key == "" {
		return request.prefix() + text
	}
	return fmt.Sprintf("%s%s/%s: %s", request.prefix(), request.group, request.key, text)
}

// entryMessage is message for a text about the entry itself: "store.Get: config/theme is
// not there".
func (request *request) entryMessage(text string) string {
	return fmt.Sprintf("%s%s/%s %s", request.prefix(), request.group, request.key, text)
}

// prefix returns the operation and, in a transaction, the place of the failed one.
func (request *request) prefix() string {
	if request.place == "" {
		return request.method() + ": "
	}
	return request.method() + ": " + request.place + ": "
}

// maxReply returns the largest payload that the connection takes now.
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
