// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxWait is the longest time that a request for changes may be held.
const MaxWait = 30 * time.Second

// Wait is how long a request for changes is held until there is a change: 0 to MaxWait.
// In JSON it is a number of seconds, or a string as ParseWait reads it.
type Wait struct {
	duration time.Duration
}

// WaitFor makes a wait from a duration, rounded up to milliseconds. A duration outside 0
// to MaxWait is kept, and Check refuses it.
//
//	wait := subjects.WaitFor(10 * time.Second)
func WaitFor(duration time.Duration) Wait {
	if 0 <= duration && duration <= MaxWait {
		duration = spanOf(duration).roundUp()
	}
	return Wait{duration: duration}
}

// ParseWait reads digits (seconds) or a Go duration. Any other text, and a duration
// outside 0 to MaxWait, is ErrBadRequest with the field "wait".
//
//	wait, err := subjects.ParseWait("30s")
func ParseWait(text string) (Wait, error) {
	wait, ok := readWait(text)
	if !ok {
		return Wait{}, badWait(quote(text) + insteadOfSeconds(text, readWait))
	}
	return wait, nil
}

func readWait(text string) (Wait, bool) { return newWait(parseSpan(text)) }

// newWait makes a wait from a parsed length, if that is valid and within the limit.
func newWait(length span, ok bool) (Wait, bool) {
	if !ok || length.roundUp() > MaxWait {
		return Wait{}, false
	}
	return Wait{duration: length.roundUp()}, true
}

func badWait(given string) *Error {
	return BadField("wait", `wait is a number of seconds or a duration such as "1500ms", and is 0 to 30s; not `+given)
}

// Duration returns how long to wait, in whole milliseconds.
func (wait Wait) Duration() time.Duration { return wait.duration }

// Check returns ErrBadRequest, with the field "wait", if the duration of WaitFor was
// outside 0 to MaxWait.
func (wait Wait) Check() error {
	if wait.duration < 0 || wait.duration > MaxWait {
		return badWait(wait.duration.String())
	}
	return nil
}

// String returns the wait as ParseWait reads it: "1.5s".
func (wait Wait) String() string { return wait.duration.String() }

// MarshalJSON writes a number of seconds. Its error is that of Check.
func (wait Wait) MarshalJSON() ([]byte, error) {
	if err := wait.Check(); err != nil {
		return nil, err
	}
	return appendSeconds(nil, wait.duration), nil
}

// UnmarshalJSON reads a number of seconds, or a string as ParseWait does. Its error is
// that of ParseWait.
func (wait *Wait) UnmarshalJSON(data []byte) error {
	value := jsontext.Value(data)
	if value.Kind() == jsontext.KindNull {
		*wait = Wait{}
		return nil
	}
	parsed, ok := newWait(parseSpanValue(value))
	if !ok {
		return badWait(describe(value) + insteadOfSeconds(unquoted(value), readWait))
	}
	*wait = parsed
	return nil
}
