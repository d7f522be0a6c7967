// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxDepth is how many levels a body may have before the error is about its depth.
	maxDepth = 1000
	// maxFieldBytes is the longest part of a field's path that an error repeats.
	maxFieldBytes = 128
)

// explain returns the reason why the decoder refused a body.
func explain(data []byte, err error) *Error {
	if failure, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return explainSyntax(data, failure)
	}
	if failure, ok := errors.AsType[*json.SemanticError](err); ok {
		return explainMeaning(failure)
	}
	return ErrBadRequest.New("the body could not be read as a JSON object")
}

// notAnObject names the kind of a body that is not an object.
func notAnObject(data []byte) *Error {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) == 0 {
		return ErrBadRequest.New("the body must be a JSON object or empty, not white space")
	}
	kind := kindName(jsontext.Value(data).Kind())
	if kind == "" {
		kind = quote(string(data[:1]))
	}
	return ErrBadRequest.New("the body must be a JSON object and begin with {, not " + kind)
}

// explainSyntax explains an error in a body that is not JSON, or repeats a field.
func explainSyntax(data []byte, failure *jsontext.SyntacticError) *Error {
	field := fieldAt(failure.JSONPointer)
	switch {
	case errors.Is(failure, jsontext.ErrDuplicateName):
		return BadField(field, fmt.Sprintf("%s is given twice: a field is given once", field))
	case strings.Count(string(failure.JSONPointer), "/") > maxDepth:
		field, _, _ = strings.Cut(field, "/")
		return BadField(field, fmt.Sprintf("%s is nested too deeply: %d levels are allowed", cmp.Or(field, "the body"), maxDepth))
	case errors.Is(failure, io.ErrUnexpectedEOF):
		return BadField(field, "the body ends in the middle of its JSON object")
	case hasTrailingData(data, failure):
		return ErrBadRequest.New(fmt.Sprintf("the body goes on after its JSON object, at byte %d", failure.ByteOffset))
	}
	return BadField(field, fmt.Sprintf("the body is not valid JSON at byte %d: %s", failure.ByteOffset, syntaxReason(data, failure)))
}

// hasTrailingData reports whether the object is whole and something follows it.
func hasTrailingData(data []byte, failure *jsontext.SyntacticError) bool {
	if failure.JSONPointer != "" {
		return false
	}
	return jsontext.Value(data[:failure.ByteOffset]).IsValid()
}

func syntaxReason(data []byte, failure *jsontext.SyntacticError) string {
	rest := data[min(int(failure.ByteOffset), len(data)):]
	if char, size := utf8.DecodeRune(rest); char == utf8.RuneError && size == 1 {
		return fmt.Sprintf(`the byte 0x%02X is not UTF-8; a value that is not travels as base64, with "encoding":"base64"`, rest[0])
	}
	if bytes.HasPrefix(rest, []byte(`\ud`)) || bytes.HasPrefix(rest, []byte(`\uD`)) {
		return fmt.Sprintf("%s is a surrogate without its other half", quote(string(rest[:min(len(rest), len(`\udXXX`))])))
	}
	return failure.Err.Error()
}

// explainMeaning explains an error in a body that is JSON, but does not fit the request.
func explainMeaning(failure *json.SemanticError) *Error {
	field := fieldAt(failure.JSONPointer)
	if cause, ok := errors.AsType[*Error](failure.Err); ok {
		return BadField(field, cause.Message)
	}
	if errors.Is(failure.Err, json.ErrUnknownName) {
		return BadField(field, unknownField(failure))
	}
	message := field + " must be " + wanted(failure.GoType)
	if failure.JSONValue != nil {
		return BadField(field, message+", not "+describe(failure.JSONValue)+insteadOf(failure))
	}
	return BadField(field, message+", not "+kindName(failure.JSONKind))
}

// insteadOf shows how to write a whole number that was given as 3.0 or 3e0.
func insteadOf(failure *json.SemanticError) string {
	digits, whole := WholeNumber(string(failure.JSONValue))
	if !whole || json.Unmarshal([]byte(digits), reflect.New(failure.GoType).Interface()) != nil {
		return ""
	}
	return ": write " + digits
}

// unknownField names the known fields for an unknown one.
func unknownField(failure *json.SemanticError) string {
	name, known := failure.JSONPointer.LastToken(), knownFields(failure.GoType)
	for _, candidate := range known {
		if strings.EqualFold(name, candidate) {
			return fmt.Sprintf("there is no field %s: names are case-sensitive, write %q", quote(name), candidate)
		}
	}
	if len(known) == 0 {
		return fmt.Sprintf("there is no field %s: this object takes none", quote(name))
	}
	return fmt.Sprintf("there is no field %s: the fields are %s", quote(name), list(known))
}

// knownFields returns the JSON names of a struct's fields, in its order.
func knownFields(structure reflect.Type) (names []string) {
	for _, field := range reflect.VisibleFields(structure) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// wanted describes the values that a field takes.
func wanted(kind reflect.Type) string {
	switch kind.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fmt.Sprintf("a whole number from %d to %d", math.MinInt64>>(64-kind.Bits()), math.MaxInt64>>(64-kind.Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 to %d", uint64(math.MaxUint64)>>(64-kind.Bits()))
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	}
	if kind == reflect.TypeFor[time.Time]() {
		return "a time such as 2026-11-22T10:00:00Z"
	}
	return "an object"
}

// kindName names the kind of a value.
func kindName(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "true or false"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginArray:
		return "a list"
	case jsontext.KindBeginObject:
		return "an object"
	}
	return ""
}

// describe shows a value in an error: a number or a short string as it is, otherwise its
// kind.
func describe(value jsontext.Value) string {
	switch {
	case value.Kind() == jsontext.KindString:
		return quote(unquoted(value))
	case value.Kind() == jsontext.KindNumber && len(value) <= maxQuotedBytes:
		return string(value)
	}
	return kindName(value.Kind())
}

// fieldAt returns the path at a pointer: key, or if/0/key.
func fieldAt(pointer jsontext.Pointer) string {
	field := strings.TrimPrefix(string(pointer), "/")
	if !strings.Contains(field, "/") {
		field = pointer.LastToken()
	}
	return cutField(field)
}

// cutField shortens a name to the part that an error repeats.
func cutField(field string) string {
	if len(field) <= maxFieldBytes {
		return field
	}
	return strings.ToValidUTF8(field[:maxFieldBytes], "") + "…"
}
