// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// The limits of names, in bytes.
const (
	MaxNamespaceBytes = 64
	MaxGroupBytes     = 512
	MaxKeyBytes       = 2048
)

// The reserved words that stand in the place of a namespace.
const (
	adminToken     = "admin"
	eventsToken    = "events"
	workspaceToken = "workspace"
)

// maxQuotedBytes is the longest part of a caller's text that an error message repeats.
const maxQuotedBytes = 64

// CheckNamespace returns ErrBadRequest, with the field "namespace", for an invalid name.
// A valid name is 1 to 64 of the characters a-z A-Z 0-9 - and not one of the reserved
// words events, admin and workspace.
//
//	err := subjects.CheckNamespace("acme")
func CheckNamespace(namespace string) error {
	if failure := checkNamespace(namespace); failure != nil {
		return failure
	}
	return nil
}

func checkNamespace(namespace string) *Error {
	switch namespace {
	case adminToken, eventsToken, workspaceToken:
		return BadField("namespace", fmt.Sprintf("%q is reserved and cannot be a namespace", namespace))
	case "":
		return BadField("namespace", "a namespace is 1 to 64 characters, not empty")
	}
	if len(namespace) > MaxNamespaceBytes {
		return BadField("namespace", fmt.Sprintf("a namespace is 1 to 64 characters, not %d", len(namespace)))
	}
	for index := range len(namespace) {
		if !isNamespaceByte(namespace[index]) {
			return BadField("namespace", fmt.Sprintf("namespace %s: letters a to z and A to Z, digits and - only", quote(namespace)))
		}
	}
	return nil
}

func isNamespaceByte(char byte) bool {
	return 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || '0' <= char && char <= '9' || char == '-'
}

// CheckGroup returns ErrBadRequest, with the field "group", unless the name is valid
// UTF-8 of 1 to 512 bytes.
func CheckGroup(group string) error {
	return checkName("group", group, MaxGroupBytes)
}

// CheckKey returns ErrBadRequest, with the field "key", unless the name is valid UTF-8 of
// 1 to 2,048 bytes.
func CheckKey(key string) error {
	return checkName("key", key, MaxKeyBytes)
}

func checkName(field, name string, limit int) error {
	switch {
	case name == "":
		return BadField(field, fmt.Sprintf("%s is 1 to %d bytes, not empty", field, limit))
	case len(name) > limit:
		return BadField(field, fmt.Sprintf("%s is 1 to %d bytes, not %d", field, limit, len(name)))
	case !utf8.ValidString(name):
		return BadField(field, fmt.Sprintf("%s is valid UTF-8, which %s is not", field, quote(name)))
	}
	return nil
}

// quote repeats a caller's text in printable ASCII, up to maxQuotedBytes.
func quote(text string) string {
	if len(text) <= maxQuotedBytes {
		return strconv.QuoteToASCII(text)
	}
	return strconv.QuoteToASCII(text[:maxQuotedBytes]) + "…"
}
