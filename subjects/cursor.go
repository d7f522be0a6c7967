// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"strings"
)

// A cursor is a letter for the kind of page, which changes with its form, and the
// tokens of the names that the page ended at, each after a dot: e.config.theme. So
// one that belongs to another verb is refused. It holds any names, for a database
// that a program has filled may hold some that the contract would not take.
const (
	cursorKey       = "k"
	cursorEntry     = "e"
	cursorGroup     = "g"
	cursorNamespace = "n"
	cursorTime      = "t"
	cursorWorkspace = "w"
)

// MaxCursorBytes is the longest cursor of names that the contract takes: that of a
// group and a key of which every byte is encoded.
const MaxCursorBytes = len("e..") + len("%XX")*(MaxGroupBytes+MaxKeyBytes)

// EncodeCursor gives the opaque "next" of a page of a group that ended at key, to be
// handed back as "after".
func EncodeCursor(key string) string { return encodeCursor(cursorKey, key) }

// DecodeCursor gives the key that an "after" stands for. One that no page of a
// group gave is ErrBadRequest with the field "after".
func DecodeCursor(cursor string) (key string, err error) { return decodeCursor(cursorKey, cursor) }

// EncodeEntryCursor gives the "next" of a page of a namespace that ended at an entry.
func EncodeEntryCursor(group, key string) string {
	return encodeCursor(cursorEntry, group) + "." + EncodeToken(key)
}

// DecodeEntryCursor gives the entry that an "after" stands for, as DecodeCursor.
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

// EncodeGroupCursor gives the "next" of a page of groups that ended at group.
func EncodeGroupCursor(group string) string { return encodeCursor(cursorGroup, group) }

// DecodeGroupCursor gives the group that an "after" stands for, as DecodeCursor.
func DecodeGroupCursor(cursor string) (group string, err error) {
	return decodeCursor(cursorGroup, cursor)
}

// EncodeNamespaceCursor gives the "next" of a page of namespaces that ended at namespace.
func EncodeNamespaceCursor(namespace string) string { return encodeCursor(cursorNamespace, namespace) }

// DecodeNamespaceCursor gives the namespace that an "after" stands for, as DecodeCursor.
func DecodeNamespaceCursor(cursor string) (namespace string, err error) {
	return decodeCursor(cursorNamespace, cursor)
}

// EncodeWorkspaceCursor gives the "next" of a page of workspaces that ended at workspace.
func EncodeWorkspaceCursor(workspace string) string { return encodeCursor(cursorWorkspace, workspace) }

// DecodeWorkspaceCursor gives the workspace that an "after" stands for, as DecodeCursor.
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

// decodeCursorToken decodes a token, which for the empty name is empty here.
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
