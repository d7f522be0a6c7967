// SPDX-License-Identifier: EUPL-1.2

package kv

import (
	"fmt"
	"unicode/utf8"

	"dappco.re/go/storebus/store/internal/failure"
)

// Limits bounds the entries of namespaces, for all callers. Limits also require names to be
// UTF-8. A zero field is no limit. Groups outside every namespace have no limits.
type Limits struct {
	// GroupBytes is the longest name of a group within its namespace.
	GroupBytes int
	// KeyBytes is the longest key.
	KeyBytes int
	// EntryBytes is the size of the largest entry, as JSON on the wire: with escapes, base64
	// and EntryOverhead.
	EntryBytes int
}

// CheckLimits refuses negative limits.
func CheckLimits(limits Limits) error {
	if limits.GroupBytes < 0 || limits.KeyBytes < 0 || limits.EntryBytes < 0 {
		return fmt.Errorf("Limits %+v may not be negative", limits)
	}
	return nil
}

// EntryOverhead is the size that the largest message about an entry adds to group, key and
// value: field names, revisions, times and the store's id.
const EntryOverhead = 512

// CheckNames checks a group's and a key's name in a namespace against the limits.
func CheckNames(limits Limits, namespace, group, key string) error {
	if namespace == "" {
		return nil
	}
	if err := CheckGroup(limits, namespace, group); err != nil {
		return err
	}
	return checkName("key", key, limits.KeyBytes)
}

// CheckGroup checks a group's name in a namespace against the limits.
func CheckGroup(limits Limits, namespace, group string) error {
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
		return fmt.Errorf("%w: %s has %d bytes, 1 to %d are allowed", failure.ErrInvalidName, kind, len(name), limit)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: %s %q is not UTF-8", failure.ErrInvalidName, kind, name)
	default:
		return nil
	}
}

// longestEscape is the length of the longest escape of a byte, \u0000.
const longestEscape = 6

// CheckEntry checks the size of an entry on the wire against the limits.
func CheckEntry(limits Limits, namespace, group, key, value string) error {
	shortest, length := EntryOverhead+len(namespace), len(group)+len(key)+len(value)
	if namespace == "" || limits.EntryBytes == 0 || shortest+longestEscape*(length+1) <= limits.EntryBytes {
		return nil // the bytes are only read if their number does not decide it
	}
	size := shortest + travellingBytes(group) + travellingBytes(key) + travellingBytes(value)
	if size > limits.EntryBytes {
		return &failure.TooLargeError{What: "entry", Size: size, Limit: limits.EntryBytes}
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
			size += longestEscape - 1
		}
	}
	return size
}
