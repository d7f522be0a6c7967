// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var errNoError = errors.New("subjects.ParseError: the body has no error with a code and a name")

// AppendError appends the body of an error reply to dst. Bytes of the message that are
// not UTF-8 become U+FFFD.
//
//	{"error":{"code":404,"name":"not_found","message":"store.Get: config/theme is not there"}}
func AppendError(dst []byte, failure *Error) []byte {
	// Strings and numbers alone cannot fail to marshal once any bytes are allowed.
	body, _ := json.Marshal(ErrorBody{Error: failure}, jsontext.AllowInvalidUTF8(true))
	return append(dst, body...)
}

// ParseError reads the body of an error reply. It ignores unknown fields, because a newer
// sidecar may send more. It returns an error if the body is not an error reply.
//
//	failure, err := subjects.ParseError(reply.Data)  // failure.Code is 404
func ParseError(data []byte) (*Error, error) {
	var body ErrorBody
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, fmt.Errorf("subjects.ParseError: %w", err)
	}
	if body.Error == nil || body.Error.Code == 0 || body.Error.Name == "" {
		return nil, errNoError
	}
	return body.Error, nil
}

// HeaderText returns a message as one line of printable ASCII, for HeaderError. It
// escapes other bytes, quotes and backslashes as strconv.QuoteToASCII does.
func HeaderText(message string) string {
	quoted := strconv.QuoteToASCII(message)
	return quoted[1 : len(quoted)-1]
}
