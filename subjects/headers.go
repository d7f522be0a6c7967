// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"strings"
	"time"
)

// Headers of requests and replies.
const (
	// HeaderMessageID, on an event, is the id of the change, the same at every
	// republication. On a write it makes the write safe to send again: see
	// CheckMessageID.
	HeaderMessageID = "Nats-Msg-Id"
	// HeaderReplayed, with ReplayedTrue, marks the reply to an earlier write with the
	// same message id.
	HeaderReplayed = "Storebus-Replayed"
	// HeaderTTL is the time to live on a raw set, get or touch, as ParseTTL reads it.
	HeaderTTL = "Nats-TTL"
	// HeaderIfRevision is the expected revision on a raw set, delete or touch.
	HeaderIfRevision = "Storebus-If-Revision"
	// HeaderRevision is the revision of an entry on a raw reply.
	HeaderRevision = "Storebus-Revision"
	// HeaderExpiresAt is the expiry of an entry on a raw reply, if there is one.
	HeaderExpiresAt = "Storebus-Expires-At"
	// HeaderTraceParent is passed from a request to its events.
	HeaderTraceParent = "traceparent"
	// HeaderError and HeaderErrorCode mark a reply that reports an error (ADR-32).
	HeaderError     = "Nats-Service-Error"
	HeaderErrorCode = "Nats-Service-Error-Code"
)

// ReplayedTrue is the value of HeaderReplayed.
const ReplayedTrue = "true"

// The limits of message ids.
const (
	// MaxMessageIDBytes is the longest message id.
	MaxMessageIDBytes = 128
	// RetryWindow is how long the reply to a write with a message id is remembered.
	RetryWindow = 2 * time.Minute
	// MaxReplayBytes is the largest reply that is remembered. A write with a message id
	// and a larger reply is ErrTooLarge. For a workspace_commit the limit is 1 MiB.
	MaxReplayBytes = 64 << 10
)

// CheckMessageID returns ErrBadRequest, with the field HeaderMessageID, unless the id is
// 1 to 128 printable ASCII characters without a space at either end. Such a space would
// not survive in a header.
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
