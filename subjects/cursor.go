// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"strings"
)

// A cursor is a letter for the kind of page, and the tokens of the names at which the
// page ended, each after a dot: e.config.theme. The letter changes with the form of the
// cursor, so a cursor of another verb is refused. A cursor may hold any names: a database
// that a program has filled may have names that the contract does not allow.
const (
	cursorKey       = "k"
	cursorEntry     = "e"
	cursorGroup     = "g"
	cursorNamespace = "n"
	cursorTime      = "t"
	cursorWorkspace = "w"
)

// MaxCursorBytes is the longest cursor of names that the contract allows: a group and a
// key with every byte encoded.
const MaxCursorBytes = len("e..") + len("%XX")*(MaxGroupBytes+MaxKeyBytes)

// EncodeCursor returns the opaque "next" of a page of a group that ended at key. The
// caller passes it as "after".
//
//	subjects.EncodeCursor("size")  // k.size
func EncodeCursor(key string) string { return encodeCursor(cursorKey, key) }

// DecodeCursor returns the key of an "after". It returns ErrBadRequest, with the field
// "after", for a text that is no "next" of a page of a group.
func DecodeCursor(cursor string) (key string, err error) { return decodeCursor(cursorKey, cursor) }

// EncodeEntryCursor returns the "next" of a page of a namespace that ended at an entry.
func EncodeEntryCursor(group, key string) string {
	return encodeCursor(cursorEntry, group) + "." + EncodeToken(key)
}

// DecodeEntryCursor returns the entry of an "after". Its errors are those of
// DecodeCursor.
func DecodeEntryCursor(cursor string) (group, key string, err error) {
	first, token, found := cutLast(cursor)
	if !found {
		return "", "", badCursor(cursor)
	}
	if group, err = decodeCursor(cursorEntry, first); err != nil {
		return "", "", err
	}
	if key, err = decodeCursorToken(token); err != nil {
		return "", "", badCursor(cursor)
	}
	return group, key, nil
}

// EncodeGroupCursor returns the "next" of a page of groups that ended at group.
func EncodeGroupCursor(group string) string { return encodeCursor(cursorGroup, group) }

// DecodeGroupCursor returns the group of an "after". Its errors are those of
// DecodeCursor.
func DecodeGroupCursor(cursor string) (group string, err error) {
	return decodeCursor(cursorGroup, cursor)
}

// EncodeNamespaceCursor returns the "next" of a page of namespaces that ended at
// namespace.
func EncodeNamespaceCursor(namespace string) string { return encodeCursor(cursorNamespace, namespace) }

// DecodeNamespaceCursor returns the namespace of an "after". Its errors are those of
// DecodeCursor.
func DecodeNamespaceCursor(cursor string) (namespace string, err error) {
	return decodeCursor(cursorNamespace, cursor)
}

// EncodeWorkspaceCursor returns the "next" of a page of workspaces that ended at
// workspace.
func EncodeWorkspaceCursor(workspace string) string { return encodeCursor(cursorWorkspace, workspace) }

// DecodeWorkspaceCursor returns the workspace of an "after". Its errors are those of
// DecodeCursor.
func DecodeWorkspaceCursor(cursor string) (workspace string, err error) {
	return decodeCursor(cursorWorkspace, cursor)
}

func encodeCursor(kind, name string) string { return kind + "." + EncodeToken(name) }

func decodeCursor(kind, cursor string) (string, error) {
	token, found := strings.CutPrefix(cursor, kind+".")
	if !found {
		return "", badCursor(cursor)
	}
	name, err := decodeCursorToken(token)
	if err != nil {
		return "", badCursor(cursor)
	}
	return name, nil
}

// decodeCursorToken decodes a token. In a cursor the token of the empty name is empty.
func decodeCursorToken(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	return DecodeToken(token)
}

func cutLast(cursor string) (before, after string, found bool) {
	index := strings.LastIndexByte(cursor, '.')
	if index < 0 {
		return "", "", false
	}
	return cursor[:index], cursor[index+1:], true
}

func badCursor(cursor string) *Error {
	return BadField("after", fmt.Sprintf("after is the next of the page before it, of the same verb, and is left out for the first page; %s is none", quote(cursor)))
}
