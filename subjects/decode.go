// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"bytes"

	"github.com/go-json-experiment/json"
)

// strict refuses unknown fields. The library's defaults refuse repeated fields, names in
// another case, invalid UTF-8 and lone surrogates.
var strict = json.RejectUnknownMembers(true)

// Decode reads the body of a request into the struct that into points to. It returns
// ErrBadRequest for any mistake:
//
//   - an unknown or repeated field, or a name in another case;
//   - a wrong type, or a number out of range;
//   - trailing data, invalid UTF-8, or a lone surrogate.
//
// The error names the field at fault if it can be known. If the field is in a nested
// object, it has a path, if/0/key. An empty payload counts as {}. If a field is null, it
// counts as left out.
//
//	var request subjects.SetRequest
//	err := subjects.Decode(message.Data, &request)
func Decode(data []byte, into any) error {
	if len(data) == 0 {
		return nil
	}
	if body, ok := into.(plainBody); ok && decodePlain(data, body) {
		return nil
	}
	if !beginsObject(data) {
		return notAnObject(data)
	}
	if err := json.Unmarshal(data, into, strict); err != nil {
		return explain(data, err)
	}
	return nil
}

func beginsObject(data []byte) bool {
	if data[0] == '{' {
		return true
	}
	data = bytes.TrimLeft(data, " \t\r\n")
	return len(data) > 0 && data[0] == '{'
}
