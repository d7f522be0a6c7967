// SPDX-License-Identifier: EUPL-1.2

package subjects

// Headers of requests and replies.
const (
	// HeaderMessageID names a change on its event, the same at every republication.
	HeaderMessageID = "Nats-Msg-Id"
	// HeaderTTL is the time to live on a raw set; the grammar is ParseTTL's.
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
