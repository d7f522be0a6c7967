// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxNamespaceBytes is the length of the longest name of a namespace.
const MaxNamespaceBytes = 64

// reservedNamespaces would collide with other uses of the same place in a subject.
var reservedNamespaces = map[string]bool{"events": true, "admin": true, "workspace": true}

// NamespaceOf returns the namespace of a group and the group's name within the namespace. The
// namespace is the part before the first colon, if that is a valid namespace. Any other group
// belongs to the empty namespace.
//
//	NamespaceOf("acme:user:42") // "acme", "user:42"
//	NamespaceOf("config")       // "", "config"
//	NamespaceOf("events:x")     // "", "events:x"
func NamespaceOf(group string) (namespace, name string) {
	before, after, found := strings.Cut(group, ":")
	if !found || checkNamespace(before) != nil {
		return "", group
	}
	return before, after
}

// checkNamespace returns ErrInvalidName for an invalid namespace.
func checkNamespace(namespace string) error {
	switch {
	case namespace == "" || len(namespace) > MaxNamespaceBytes:
		return fmt.Errorf("%w: namespace %q has %d bytes, 1 to %d are allowed", ErrInvalidName, namespace, len(namespace), MaxNamespaceBytes)
	case reservedNamespaces[namespace]:
		return fmt.Errorf("%w: namespace %q is reserved", ErrInvalidName, namespace)
	}
	for index := range len(namespace) {
		if !isNamespaceByte(namespace[index]) {
			return fmt.Errorf("%w: namespace %q holds %q; use letters, digits and '-'", ErrInvalidName, namespace, namespace[index])
		}
	}
	return nil
}

func isNamespaceByte(letter byte) bool {
	return letter >= 'a' && letter <= 'z' || letter >= 'A' && letter <= 'Z' || letter >= '0' && letter <= '9' || letter == '-'
}

// EntryOverhead is the size that the largest message about an entry adds to group, key and
// value: field names, revisions, times and the store's id.
const EntryOverhead = 512

// checkNames holds a group's and a key's name in a namespace against the limits.
func (limits Limits) checkNames(namespace, group, key string) error {
	if namespace == "" {
		return nil
	}
	if err := limits.checkGroup(namespace, group); err != nil {
		return err
	}
	return checkName("key", key, limits.KeyBytes)
}

// checkGroup holds a group's name in a namespace against the limits.
func (limits Limits) checkGroup(namespace, group string) error {
	if namespace == "" {
		return nil
	}
	return checkName("group", group, limits.GroupBytes)
}

func checkName(kind, name string, limit int) error {
	switch {
	case limit == 0:
		return nil
	case name == "" || len(name) > limit:
		return fmt.Errorf("%w: %s has %d bytes, 1 to %d are allowed", ErrInvalidName, kind, len(name), limit)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: %s %q is not UTF-8", ErrInvalidName, kind, name)
	default:
		return nil
	}
}

// checkEntry holds an entry as it travels against the limits.
func (limits Limits) checkEntry(namespace, group, key, value string) error {
	if namespace == "" || limits.EntryBytes == 0 {
		return nil
	}
	size := EntryOverhead + len(namespace) + travellingBytes(group) + travellingBytes(key) + travellingBytes(value)
	if size > limits.EntryBytes {
		return &TooLargeError{What: "entry", Size: size, Limit: limits.EntryBytes}
	}
	return nil
}

// travellingBytes is the length of text as a JSON string with its quotes, or as base64 if it is
// not UTF-8.
func travellingBytes(text string) int {
	if !utf8.ValidString(text) {
		return (len(text)+2)/3*4 + 2
	}
	size := len(text) + 2
	for index := range len(text) {
		switch letter := text[index]; {
		case letter >= ' ' && letter != '"' && letter != '\\':
		case letter == '"' || letter == '\\' || letter == '\b' || letter == '\f' || letter == '\n' || letter == '\r' || letter == '\t':
			size++
		default:
			size += len(`\u0000`) - 1
		}
	}
	return size
}
