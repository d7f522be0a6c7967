// SPDX-License-Identifier: EUPL-1.2

package subjects

// Verb is the word of a request subject that says what is asked: the "set" of
// store.acme.set.
type Verb string

// The verbs of a namespace.
const (
	VerbSet     Verb = "set"
	VerbGet     Verb = "get"
	VerbDelete  Verb = "delete"
	VerbExists  Verb = "exists"
	VerbList    Verb = "list"
	VerbChanges Verb = "changes"
)

// The verbs of an operator, on store.admin.<verb>.
const (
	VerbAdminStatus Verb = "status"
)

// Headers of requests and replies.
const (
	// HeaderMessageID names a change on its event, the same at every republication.
	HeaderMessageID = "Nats-Msg-Id"
	// HeaderTTL is the time to live on a raw set; the grammar is TTL's.
	HeaderTTL = "Nats-TTL"
	// HeaderIfRevision is the expected revision on a raw set or delete.
	HeaderIfRevision = "Storebus-If-Revision"
	// HeaderRevision is the revision of an entry on a raw reply.
	HeaderRevision = "Storebus-Revision"
	// HeaderExpiresAt is the expiry of an entry on a raw reply, where it has one.
	HeaderExpiresAt = "Storebus-Expires-At"
	// HeaderTraceParent is passed from a request to the events that it causes.
	HeaderTraceParent = "traceparent"
	// HeaderError and HeaderErrorCode mark a reply that reports an error (ADR-32).
	HeaderError     = "Nats-Service-Error"
	HeaderErrorCode = "Nats-Service-Error-Code"
)
