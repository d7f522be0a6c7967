// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"strings"
	"time"
)

// Headers of requests and replies.
const (
	// HeaderMessageID names a change on its event, the same at every republication,
	// and on a write makes it retry-safe: see CheckMessageID.
	HeaderMessageID = "Nats-Msg-Id"
	// HeaderReplayed marks, with ReplayedTrue, the answer of an earlier write with the
	// same message id.
	HeaderReplayed = "Storebus-Replayed"
	// HeaderTTL is the time to live on a raw set or touch; the grammar is ParseTTL's.
	HeaderTTL = "Nats-TTL"
	// HeaderIfRevision is the expected revision on a raw set, delete or touch.
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

// ReplayedTrue is the value of HeaderReplayed.
const ReplayedTrue = "true"

// The bounds of message ids.
const (
	// MaxMessageIDBytes is the longest message id.
	MaxMessageIDBytes = 128
	// RetryWindow is for how long the answer of a write with a message id is remembered.
	RetryWindow = 2 * time.Minute
	// MaxReplayBytes is the largest answer that is remembered: a write with a message
	// id whose answer would be larger is ErrTooLarge.
	MaxReplayBytes = 64 << 10
)

// CheckMessageID returns ErrBadRequest with the field HeaderMessageID unless the id
// is 1 to 128 printable ASCII characters that neither begin nor end with a space,
// which would not survive as a header.
//
//	err := subjects.CheckMessageID("order-4711")
func CheckMessageID(id string) error {
	if id == "" || len(id) > MaxMessageIDBytes {
		return BadField(HeaderMessageID, fmt.Sprintf("%s is 1 to %d characters, not %d", HeaderMessageID, MaxMessageIDBytes, len(id)))
	}
	if strings.ContainsFunc(id, isNotPrintable) || strings.TrimSpace(id) != id {
		return BadField(HeaderMessageID, fmt.Sprintf("%s is printable ASCII without spaces around it, which %s is not", HeaderMessageID, quote(id)))
	}
	return nil
}

func isNotPrintable(char rune) bool { return char < ' ' || char > '~' }
