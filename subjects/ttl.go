// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// The limits of a time to live. A year of MaxTTL has 365 days.
const (
	MinTTL = time.Millisecond
	MaxTTL = 100 * 365 * 24 * time.Hour
)

// The words for a time to live without a duration.
const (
	ttlNever = "never"
	ttlKeep  = "keep"
)

// TTL is a time to live: after a duration, never, or the present expiry unchanged. Its
// zero value is NeverExpires. In JSON it is a number of seconds, or a string as ParseTTL
// reads it. Two TTLs with the same meaning are equal.
type TTL struct {
	kind     ttlKind
	duration time.Duration
}

type ttlKind uint8

const (
	kindNever ttlKind = iota
	kindAfter
	kindKeep
)

// The times to live without a duration. KeepExpiry leaves the expiry unchanged.
var (
	NeverExpires = TTL{kind: kindNever}
	KeepExpiry   = TTL{kind: kindKeep}
)

// After makes a time to live from a duration, rounded up to milliseconds. A duration
// outside MinTTL to MaxTTL is kept, and Check refuses it.
//
//	ttl := subjects.After(90 * time.Second)
func After(duration time.Duration) TTL {
	if MinTTL <= duration && duration <= MaxTTL {
		duration = spanOf(duration).roundUp()
	}
	return TTL{kind: kindAfter, duration: duration}
}

// ParseTTL reads a time to live from a header or a command line: digits (seconds), a Go
// duration, "never" or "keep". Any other text, and a duration outside MinTTL to MaxTTL,
// is ErrBadRequest with the field "ttl".
//
//	ttl, err := subjects.ParseTTL("90s")
func ParseTTL(text string) (TTL, error) {
	ttl, ok := readTTL(text)
	if !ok {
		return TTL{}, badTTL(quote(text) + insteadOfSeconds(text, readTTL))
	}
	return ttl, nil
}

func readTTL(text string) (TTL, bool) {
	switch text {
	case ttlNever:
		return NeverExpires, true
	case ttlKeep:
		return KeepExpiry, true
	}
	return newTTL(parseSpan(text))
}

// newTTL makes a time to live from a parsed length, if that is valid and within the
// limits.
func newTTL(length span, ok bool) (TTL, bool) {
	if !ok || length.whole < MinTTL.Milliseconds() || length.roundUp() > MaxTTL {
		return TTL{}, false
	}
	return TTL{kind: kindAfter, duration: length.roundUp()}, true
}

func badTTL(given string) *Error {
	return BadField("ttl", `ttl is a number of seconds, a duration such as "90s" or "1500ms", "never", or "keep" where a value is stored, and is 1ms to 100 years; not `+given)
}

// Never reports whether the entry does not expire.
func (ttl TTL) Never() bool { return ttl.kind == kindNever }

// Keep reports whether the entry keeps its present expiry.
func (ttl TTL) Keep() bool { return ttl.kind == kindKeep }

// Duration returns how long the entry lives, in whole milliseconds. It is 0 for
// NeverExpires and KeepExpiry.
func (ttl TTL) Duration() time.Duration { return ttl.duration }

// Check returns ErrBadRequest, with the field "ttl", if the duration of After was outside
// MinTTL to MaxTTL.
func (ttl TTL) Check() error {
	if ttl.kind == kindAfter && (ttl.duration < MinTTL || ttl.duration > MaxTTL) {
		return badTTL(ttl.duration.String())
	}
	return nil
}

// String returns the time to live as ParseTTL reads it: "1m30s", "never", "keep".
func (ttl TTL) String() string {
	switch ttl.kind {
	case kindNever:
		return ttlNever
	case kindKeep:
		return ttlKeep
	}
	return ttl.duration.String()
}

// MarshalJSON writes a number of seconds, "never" or "keep". Its error is that of Check.
func (ttl TTL) MarshalJSON() ([]byte, error) {
	if err := ttl.Check(); err != nil {
		return nil, err
	}
	if ttl.kind == kindAfter {
		return appendSeconds(nil, ttl.duration), nil
	}
	return appendString(nil, ttl.String()), nil
}

// UnmarshalJSON reads a number of seconds, or a string as ParseTTL does. Its error is
// that of ParseTTL.
func (ttl *TTL) UnmarshalJSON(data []byte) error {
	parsed, ok := readTTLValue(data)
	if !ok {
		return badTTL(describe(data) + insteadOfSeconds(unquoted(data), readTTL))
	}
	*ttl = parsed
	return nil
}

func readTTLValue(value jsontext.Value) (TTL, bool) {
	switch value.Kind() {
	case jsontext.KindNull:
		return TTL{}, true
	case jsontext.KindString:
		return readTTL(unquoted(value))
	}
	return newTTL(parseSpanValue(value))
}
