// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"fmt"
	"strings"
)

// headerPrefix is the beginning of the headers that only storebus defines.
const headerPrefix = "storebus-"

// HeaderValue is the value of a header. Given distinguishes an empty header from a missing
// one.
type HeaderValue struct {
	Text  string
	Given bool
}

// RequestHeaders are the headers of a request.
type RequestHeaders struct {
	MessageID, TTL, IfRevision, TraceParent HeaderValue
}

// ReadRequestHeaders finds the headers of a request in a message. Upper and lower case of
// a name count the same, because libraries change the case. It ignores headers of other
// software. It returns ErrBadRequest, with the header as its field, for
//
//   - a header that is given twice, in one spelling or in two;
//   - spaces around the name of a header;
//   - any other header that begins with Storebus-;
//   - a name that is not printable ASCII, or a line break in a value, in any header.
//
// For example:
//
//	headers, err := subjects.ReadRequestHeaders(message.Header)
//	if headers.TTL.Given {
//		ttl, err := subjects.ParseTTL(headers.TTL.Text)
//	}
func ReadRequestHeaders(message map[string][]string) (RequestHeaders, error) {
	var headers RequestHeaders
	var first *Error
	for name, values := range message {
		// The order of a map is another each time, and the error is not to be.
		if failure := headers.read(name, values); failure != nil && (first == nil || failure.before(first)) {
			first = failure
		}
	}
	if first != nil {
		return RequestHeaders{}, first
	}
	return headers, nil
}

// read takes one header of a message.
func (headers *RequestHeaders) read(name string, values []string) *Error {
	if failure := checkHeader(name, values); failure != nil {
		return failure
	}
	trimmed := strings.TrimSpace(name)
	if ours, value := headers.place(trimmed); value != nil {
		return value.set(ours, name, values)
	}
	if len(trimmed) < len(headerPrefix) || !sameHeader(trimmed[:len(headerPrefix)], headerPrefix) {
		return nil
	}
	return BadField(cutField(name), fmt.Sprintf("a request has no header %s: its headers are %s, %s, %s and %s",
		quote(name), HeaderTTL, HeaderIfRevision, HeaderMessageID, HeaderTraceParent))
}

// checkHeader refuses bytes that could hide the name of a storebus header, in every
// header: a name is printable ASCII, and a value is one line.
func checkHeader(name string, values []string) *Error {
	for index := range len(name) {
		if char := name[index]; char != ' ' && char != '\t' && (char < '!' || char > '~') {
			return BadField(cutField(name), fmt.Sprintf("header %s has a name that is not printable ASCII", quote(name)))
		}
	}
	for _, value := range values {
		if strings.ContainsAny(value, "\r\n") {
			return BadField(cmp.Or(cutField(name), "header"), fmt.Sprintf("header %s has a line break in its value: end each header with CR and LF", quote(name)))
		}
	}
	return nil
}

// place returns a header's canonical name and the place of its value. The place is nil
// for a header of other software.
func (headers *RequestHeaders) place(name string) (ours string, value *HeaderValue) {
	switch {
	case sameHeader(name, HeaderTTL):
		return HeaderTTL, &headers.TTL
	case sameHeader(name, HeaderIfRevision):
		return HeaderIfRevision, &headers.IfRevision
	case sameHeader(name, HeaderMessageID):
		return HeaderMessageID, &headers.MessageID
	case sameHeader(name, HeaderTraceParent):
		return HeaderTraceParent, &headers.TraceParent
	}
	return "", nil
}

// set stores the value of a header with the given spelling.
func (value *HeaderValue) set(name, given string, values []string) *Error {
	switch {
	case len(values) == 0:
		return nil
	case len(given) != len(name):
		return BadField(name, fmt.Sprintf("header %s is given as %s: there are no spaces around its name", name, quote(given)))
	case value.Given || len(values) > 1:
		return BadField(name, fmt.Sprintf("header %s is given more than once; upper and lower case of its name count the same", name))
	}
	*value = HeaderValue{Text: values[0], Given: true}
	return nil
}

// sameHeader compares names in ASCII. Names that are equal in Unicode only, such as ſ for
// s, differ in length.
func sameHeader(one, other string) bool {
	return len(one) == len(other) && strings.EqualFold(one, other)
}

// before orders errors.
func (failure *Error) before(other *Error) bool {
	return cmp.Or(cmp.Compare(failure.Field, other.Field), cmp.Compare(failure.Message, other.Message)) < 0
}
