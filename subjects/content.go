// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// strictBase64 refuses padding bits that are not zero, so that each value has one
// encoding.
var strictBase64 = base64.StdEncoding.Strict()

// NewContent encodes a value for the wire: as a JSON string, or as base64 if the bytes
// are not valid UTF-8.
//
//	subjects.NewContent("dark")      // Value "dark"
//	subjects.NewContent("\x00\xff")  // Value "AP8=", Encoding "base64"
func NewContent(value string) Content {
	if utf8.ValidString(value) {
		return Content{Value: &value}
	}
	encoded, encoding := base64.StdEncoding.EncodeToString([]byte(value)), EncodingBase64
	return Content{Value: &encoded, Encoding: &encoding}
}

// Bytes returns the value itself, any bytes, as a string. It returns ErrBadRequest with the
// field "value" if the value is missing, or is not standard base64 with padding. If the
// encoding is not "base64", the field is "encoding".
func (content Content) Bytes() (string, error) {
	if content.Value == nil {
		return "", BadField("value", "value is required")
	}
	if content.Encoding == nil {
		return *content.Value, nil
	}
	if *content.Encoding != EncodingBase64 {
		return "", BadField("encoding", fmt.Sprintf("encoding is %q or left out, not %s", EncodingBase64, quote(*content.Encoding)))
	}
	// The decoder ignores line breaks, so they are refused here.
	if index := strings.IndexAny(*content.Value, "\r\n"); index >= 0 {
		return "", badBase64(index)
	}
	value, err := strictBase64.DecodeString(*content.Value)
	if err != nil {
		position, _ := errors.AsType[base64.CorruptInputError](err)
		return "", badBase64(int(position))
	}
	return string(value), nil
}

// checkContent checks a required value.
func (content Content) checkContent() error {
	_, err := content.Bytes()
	return err
}

func badBase64(position int) *Error {
	return BadField("value", fmt.Sprintf("value is not standard base64 with padding: it goes wrong at character %d", position))
}
