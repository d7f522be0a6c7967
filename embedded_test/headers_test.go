// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requestHeaders are the headers of requests.
var requestHeaders = []string{headerMessageID, headerTTL, headerIfRevision, headerTraceParent}

const traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// spellings returns a header's name as libraries and people spell it.
func spellings(name string) []string {
	mixed := strings.ToUpper(name[:3]) + strings.ToLower(name[3:])
	every := []string{name, strings.ToLower(name), strings.ToUpper(name), textproto.CanonicalMIMEHeaderKey(name), mixed}
	slices.Sort(every)
	return slices.Compact(every)
}

// requestForm is one form of the request of a verb.
type requestForm struct {
	verbRow
	name    string
	subject func(namespace string) string
	payload string
	// needs are the headers without which the form is refused, as pairs of name and value.
	needs []string
}

// requestForms returns every verb in each of its forms. A backup can be made only once, so
// only tests that execute nothing may use its form.
func requestForms() (forms []requestForm) {
	for _, row := range verbRows {
		forms = append(forms, requestForm{verbRow: row, name: row.verb, subject: row.subject, payload: row.body})
		if !row.raw {
			continue
		}
		raw := requestForm{verbRow: row, name: row.verb + "_raw", subject: func(namespace string) string {
			return row.subject(namespace) + ".default.k"
		}}
		switch row.verb {
		case "set":
			raw.payload = "v"
		case "touch":
			raw.needs = []string{headerTTL, "1h"}
		}
		forms = append(forms, raw)
	}
	return forms
}

func (form *requestForm) isRaw() bool { return strings.HasSuffix(form.name, "_raw") }

// repeatableForms returns the forms that can be executed repeatedly.
func repeatableForms() []requestForm {
	return slices.DeleteFunc(requestForms(), func(form requestForm) bool { return form.verb == "backup" })
}

// ask sends the form with additional headers, given as pairs of name and value.
func (form *requestForm) ask(t *testing.T, acme *tenant, headers ...string) answer {
	t.Helper()
	message := nats.NewMsg(form.subject(acme.namespace))
	message.Data = []byte(form.payload)
	headers = append(slices.Clone(form.needs), headers...)
	for ; len(headers) > 0; headers = headers[2:] {
		message.Header[headers[0]] = append(message.Header[headers[0]], headers[1])
	}
	return acme.send(t, message)
}

func requireSuccess(t *testing.T, got answer) {
	t.Helper()
	require.Empty(t, got.Header.Get(headerErrorCode), "%.300s", got.Data)
}

func TestHeaders_MessageID_Good(t *testing.T) {
	for _, form := range repeatableForms() {
		t.Run(form.name, func(t *testing.T) {
			for _, spelling := range spellings(headerMessageID) {
				acme := newSeeded(t)
				first := form.ask(t, acme, spelling, "order-4711")
				requireSuccess(t, first)
				second := form.ask(t, acme, headerMessageID, "order-4711")
				requireSuccess(t, second)
				if form.writes && !form.admin {
					assert.Equal(t, "true", second.Header.Get(headerReplayed), spelling)
					assert.Equal(t, string(first.Data), string(second.Data), spelling)
				}
			}
		})
	}
}

func TestHeaders_TraceParent_Good(t *testing.T) {
	for _, form := range repeatableForms() {
		t.Run(form.name, func(t *testing.T) {
			for _, spelling := range spellings(headerTraceParent) {
				acme := newSeeded(t)
				events := subscribe(t, acme.connection, "store.events."+acme.namespace+".>")
				requireSuccess(t, form.ask(t, acme, spelling, traceParent))
				if !form.writes || form.silent || form.admin {
					continue
				}
				event := receive(t, events)
				for event.Header.Get(headerTraceParent) == "" { // the seed's event may come late
					event = receive(t, events)
				}
				assert.Equal(t, traceParent, event.Header.Get(headerTraceParent), spelling)
			}
		})
	}
}

func TestHeaders_RawForm_Good(t *testing.T) {
	for _, spelling := range spellings(headerTTL) {
		acme := newSeeded(t)
		for _, verb := range []string{"set", "get", "touch"} {
			got := acme.raw(t, verb, "default", "k", nil, spelling, "1h")
			requireSuccess(t, got)
			assert.NotEmpty(t, got.Header.Get(headerExpiresAt), "%s of %s", spelling, verb)
			requireSuccess(t, acme.raw(t, "touch", "default", "k", nil, headerTTL, "never"))
		}
	}
	for _, spelling := range spellings(headerIfRevision) {
		acme := newSeeded(t)
		requireFailure(t, acme.raw(t, "set", "default", "k", []byte("x"), spelling, "0"), 409, "revision_conflict")
		requireFailure(t, acme.raw(t, "touch", "default", "k", nil, spelling, "0", headerTTL, "1h"), 409, "revision_conflict")
		requireFailure(t, acme.raw(t, "delete", "default", "k", nil, spelling, "0"), 409, "revision_conflict")
		assert.Equal(t, "v", acme.value(t, "default", "k"), spelling)
	}
}

// If a request does not use a header, the header is refused in every spelling.
func TestHeaders_RawForm_Bad(t *testing.T) {
	acme := newNamespace(t)
	for _, form := range requestForms() {
		t.Run(form.name, func(t *testing.T) {
			for _, header := range []string{headerTTL, headerIfRevision} {
				takes := form.verb == "set" || form.verb == "touch" || form.verb == "get" && header == headerTTL || form.verb == "delete" && header == headerIfRevision
				if form.isRaw() && takes {
					continue
				}
				for _, spelling := range spellings(header) {
					requireBadField(t, form.ask(t, acme, spelling, "1"), header)
				}
			}
		})
	}
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestHeaders_Repeated_Bad(t *testing.T) {
	acme := newNamespace(t)
	values := map[string]string{headerMessageID: "a", headerTTL: "1h", headerIfRevision: "0", headerTraceParent: traceParent}
	for _, form := range requestForms() {
		t.Run(form.name, func(t *testing.T) {
			for _, header := range requestHeaders {
				for _, spelling := range spellings(header) {
					// A repeated value is refused too: nobody can say which of them is
					// meant.
					requireBadField(t, form.ask(t, acme, header, values[header], spelling, values[header]), header)
				}
			}
		})
	}
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestHeaders_Unknown_Bad(t *testing.T) {
	acme := newNamespace(t)
	for _, form := range requestForms() {
		t.Run(form.name, func(t *testing.T) {
			for _, header := range []string{
				"Storebus-If-Revison", "storebus-ttl", "STOREBUS-IF_REVISION", "Storebus-", headerRevision, "storebus-expires-at", headerReplayed,
			} {
				requireBadField(t, form.ask(t, acme, header, "0"), header)
			}
		})
	}
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

// storebus ignores the headers that other software adds.
func TestHeaders_Foreign_Good(t *testing.T) {
	for _, form := range repeatableForms() {
		t.Run(form.name, func(t *testing.T) {
			requireSuccess(t, form.ask(t, newSeeded(t), "Content-Type", "text/plain", "content-type", "a", "Nats-Expected-Stream", "S", "Nats-Request-Info", "{}",
				"Storebus", "x", "X-Storebus-If-Revision", "0", "tracestate", "a=b", "baggage", "c=d", "Status", "100"))
		})
	}
}

// badBlocks are header blocks that a broker passes on and no client can parse.
var badBlocks = map[string]string{
	"BehindAnEmptyLine":  "NATS/1.0\r\n\r\nStorebus-If-Revision: 0\r\n\r\n",
	"BehindAHeader":      "NATS/1.0\r\nX: a\r\n\r\nNats-TTL:1\r\n\r\n",
	"AControlInTheName":  "NATS/1.0\r\nNats-\x00TTL: 1\r\n\r\n",
	"ALoneReturn":        "NATS/1.0\r\nX: a\rStorebus-If-Revision: 0\r\n\r\n",
	"AMarkBeforeTheName": "NATS/1.0\r\n\xef\xbb\xbfStorebus-If-Revision: 0\r\n\r\n",
	"WithoutAColon":      "NATS/1.0\r\nNats-TTL 1h\r\n\r\n",
	"AfterAHeader":       "NATS/1.0\r\nNats-Msg-Id: a\r\nStorebus-If-Revision 0\r\n\r\n",
	"WithoutAnEnd":       "NATS/1.0\r\nStorebus-If-Revision: 0\r\n",
	"EndsInALine":        "NATS/1.0\r\nStorebus-If-Revision: 0",
	"AFoldedLine":        "NATS/1.0\r\ntraceparent: 00\r\n folded\r\n\r\n",
	"OfAnotherVersion":   "NATS/2.0\r\nStorebus-If-Revision: 0\r\n\r\n",
	"WithoutAVersion":    "Storebus-If-Revision: 0\r\n\r\n",
	"WithHalfAStatus":    "NATS/1.0 5\r\nStorebus-If-Revision: 0\r\n\r\n",
	"OfBytes":            "\x00\xff\xfe",
	"ThatOnlyLooksEmpty": "\r\n\r\n",
}

// badNames are header blocks that can be parsed, but misspell the name of one of our
// headers.
var badNames = map[string]string{
	"ASpaceBeforeTheColon": "NATS/1.0\r\nStorebus-If-Revision : 0\r\n\r\n",
	"ASpaceBeforeTheName":  "NATS/1.0\r\n\tstorebus-if-revision: 0\r\n\r\n",
}

func TestHeaders_Undecodable_Bad(t *testing.T) {
	acme := newNamespace(t)
	wire := dialRaw(t, acme.connection.ConnectedAddr())
	replies := subscribe(t, acme.connection, nats.NewInbox())
	for _, form := range requestForms() {
		t.Run(form.name, func(t *testing.T) {
			for outcome, block := range badBlocks {
				wire.publish(t, form.subject(acme.namespace), replies.Subject, block, form.payload)
				failure := requireFailure(t, answer{receive(t, replies)}, 400, "bad_request")
				assert.Contains(t, failure.Message, "header", outcome)
			}
			for outcome, block := range badNames {
				wire.publish(t, form.subject(acme.namespace), replies.Subject, block, form.payload)
				got := answer{receive(t, replies)}
				assert.Equal(t, headerIfRevision, requireFailure(t, got, 400, "bad_request").Field, outcome)
			}
		})
	}
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

// A write without a reply subject is executed, unless its headers cannot be read.
func TestHeaders_Undecodable_Ugly(t *testing.T) {
	acme := newNamespace(t)
	wire := dialRaw(t, acme.connection.ConnectedAddr())
	for _, form := range requestForms() {
		for _, block := range badBlocks {
			wire.publish(t, form.subject(acme.namespace), "", block, form.payload)
		}
		if !form.admin && form.writes {
			// The sidecar takes this request on the same subscription, so after the others.
			requireFailure(t, acme.send(t, &nats.Msg{Subject: form.subject(acme.namespace), Header: nats.Header{"Storebus-X": {"1"}}}), 400, "bad_request")
		}
	}
	assert.Zero(t, acme.revision(t), "nothing is executed")

	t.Run("AnEmptyBlockIsNone", func(t *testing.T) {
		replies := subscribe(t, acme.connection, nats.NewInbox())
		for index, block := range []string{"NATS/1.0\r\n\r\n", "NATS/1.0\r\nX: y\r\n\r\n", "NATS/1.0 100 idle\r\n\r\n"} {
			wire.publish(t, "store."+acme.namespace+".set.g.k", replies.Subject, block, "v")
			assert.Equal(t, uint64(index+1), decode[setReply](t, answer{receive(t, replies)}).Revision)
		}
	})
}

// publish publishes a message with a raw header block, and waits until the broker has
// accepted it.
func (raw *rawConnection) publish(t *testing.T, subject, reply, block, payload string) {
	t.Helper()
	raw.send(t, fmt.Sprintf("HPUB %s %s %d %d\r\n%s%s\r\nPING\r\n", subject, reply, len(block), len(block)+len(payload), block, payload))
	raw.await(t, "PONG")
}
