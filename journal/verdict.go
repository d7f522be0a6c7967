// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The bounds of reading an endpoint's answer, and of keeping its message.
const (
	maxAnswerBytes  = 64 << 10
	maxMessageBytes = 1024
)

// maxRetryAfter bounds how long an endpoint may have us wait.
const maxRetryAfter = 10 * time.Minute

// verdict is the meaning of an endpoint's answer for the lines sent.
type verdict int

const (
	// accepted: the endpoint has them.
	accepted verdict = iota
	// refused: the endpoint cannot take one or several of them. Dividing finds out which.
	refused
	// tooLarge: fewer of them may be taken.
	tooLarge
	// misdirected: the settings are wrong, the lines are not to blame.
	misdirected
	// unavailable: the same again later.
	unavailable
)

// answer is the result of a request.
type answer struct {
	verdict verdict
	// status is the status of HTTP, 0 if there was no answer.
	status  int
	message string
	// note is a remark about a success, for a person.
	note string
	// retryAfter is the pause that the endpoint asks for, 0 if it asks for none.
	retryAfter time.Duration
}

// verdictOf reads the status of an answer that is no success, and the message if the
// status leaves it open.
func verdictOf(status int, message string) verdict {
	switch {
	case status < 400, status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound:
		return misdirected
	case status == http.StatusRequestEntityTooLarge:
		return tooLarge
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return unavailable
	case status < 500, strings.Contains(message, "partial write"):
		return refused
	default:
		return unavailable
	}
}

func isSuccess(status int) bool { return status >= 200 && status < 300 }

// messageOf gives the text of an endpoint's answer: the message of a JSON body, else
// the body, on one line.
func messageOf(body []byte) string {
	var object struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	text := string(bytes.ToValidUTF8(body, []byte("?")))
	if json.Unmarshal(body, &object) == nil && object.Message+object.Error != "" {
		text = object.Message
		if text == "" {
			text = object.Error
		}
	}
	text = strings.Map(func(char rune) rune {
		if unicode.IsPrint(char) {
			return char
		}
		return ' '
	}, text)
	return strings.TrimSpace(text)
}

// shorten cuts a text to maxMessageBytes, between two characters.
func shorten(text string) string {
	if len(text) <= maxMessageBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessageBytes], "") + " …"
}

// retryAfterOf reads a Retry-After: seconds, or a date.
func retryAfterOf(header string, now time.Time) time.Duration {
	var wait time.Duration
	// Of a number that is too large ParseUint returns the largest there is.
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(header); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
