// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"dappco.re/go/storebus/store/internal/failure"
)

// The limits of a workspace.
const (
	// MaxWorkspaceKinds is the largest number of kinds of entries in a workspace.
	MaxWorkspaceKinds = 1000
	// MaxWorkspaceKindBytes is the length of the longest name of a kind.
	MaxWorkspaceKindBytes = 128
	// MaxWorkspaceDataBytes is the size of the largest entry, as JSON.
	MaxWorkspaceDataBytes = 1 << 20
)

// MaxWorkspaceDataDepth is the largest number of levels of lists and objects in an entry of a
// workspace. SQLite reads no more levels, and could not query the entry.
const MaxWorkspaceDataDepth = 1000

func encodeWorkspaceEntry(kind string, data any) (string, error) {
	if err := CheckWorkspaceKind(kind); err != nil {
		return "", err
	}
	encoded, err := json.Marshal(data)
	if raw, isRaw := data.(json.RawMessage); isRaw && err == nil {
		encoded = bytes.TrimSpace(raw)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", failure.ErrInvalidData, err)
	case !utf8.Valid(encoded):
		return "", fmt.Errorf("%w: it is not UTF-8", failure.ErrInvalidData)
	case len(encoded) > MaxWorkspaceDataBytes:
		return "", &failure.TooLargeError{What: "workspace entry", Size: len(encoded), Limit: MaxWorkspaceDataBytes}
	}
	return string(encoded), checkDepth(encoded)
}

// CheckWorkspaceKind returns ErrInvalidName for a kind that Put does not take. A commit uses
// the kind as the name of a field.
//
//	err := store.CheckWorkspaceKind("row")
func CheckWorkspaceKind(kind string) error {
	if kind == "" || len(kind) > MaxWorkspaceKindBytes {
		return fmt.Errorf("%w: kind %q has %d bytes, 1 to %d are allowed", failure.ErrInvalidName, kind, len(kind), MaxWorkspaceKindBytes)
	}
	for _, letter := range kind {
		if letter == utf8.RuneError || unicode.IsControl(letter) {
			return fmt.Errorf("%w: kind %q holds %q; use UTF-8 without control characters", failure.ErrInvalidName, kind, letter)
		}
	}
	if kind == namespaceTag || kind == workspaceTag {
		return fmt.Errorf("%w: kind %q is the name of a tag of the journal entry that a commit makes", failure.ErrInvalidName, kind)
	}
	if err := checkJournalKey("field", kind); err != nil {
		return fmt.Errorf("%w: kind %q cannot be in the journal: %w", failure.ErrInvalidName, kind, err)
	}
	return nil
}

// checkDepth returns ErrInvalidData for JSON that is nested deeper than SQLite reads.
func checkDepth(text []byte) error {
	if depth := depthOf(text); depth > MaxWorkspaceDataDepth {
		return fmt.Errorf("%w: it is nested %d levels deep, and SQLite's JSON reads %d", failure.ErrInvalidData, depth, MaxWorkspaceDataDepth)
	}
	return nil
}

// depthOf returns how deep JSON is nested, 0 for a text or a number.
func depthOf(text []byte) (deepest int) {
	depth, within := 0, false
	for index := 0; index < len(text); index++ {
		switch letter := text[index]; {
		case letter == '"':
			within = !within
		case within && letter == '\\':
			index++ // an escaped letter ends no string
		case within:
		case letter == '[' || letter == '{':
			depth++
			deepest = max(deepest, depth)
		case letter == ']' || letter == '}':
			depth--
		}
	}
	return deepest
}

// firstUnreadable finds the first entry whose data SQLite's JSON does not read.
const firstUnreadable = `SELECT id, kind FROM entries WHERE NOT json_valid(data) ORDER BY id LIMIT 1`

// blameEntry names the entry at which a query has failed because SQLite cannot read its data.
// Entries of an earlier version may be like that.
func blameEntry(ctx context.Context, path string, cause error) error {
	// SQLite has no code for it, only these words.
	if !errors.Is(cause, failure.ErrInvalidQuery) || !strings.Contains(cause.Error(), "malformed JSON") {
		return cause
	}
	found, err := runQuery(ctx, path, firstUnreadable, 1)
	if err != nil || len(found.Rows) == 0 {
		return cause // the query itself has made the malformed JSON
	}
	return fmt.Errorf("%w; if the query reads entries: SQLite's JSON reads %[4]d levels, and entry %[2]v, of kind %[3]q, is the first that it cannot read; leave such entries out with WHERE json_valid(data)",
		cause, found.Rows[0][0], found.Rows[0][1], MaxWorkspaceDataDepth)
}
