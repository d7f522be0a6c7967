// SPDX-License-Identifier: EUPL-1.2

package workspacefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf8"

	"dappco.re/go/storebus/store/internal/failure"
)

// The limits of a workspace.
const (
	// MaxKinds is the largest number of kinds of entries in a workspace.
	MaxKinds = 1000
	// MaxKindBytes is the length of the longest name of a kind.
	MaxKindBytes = 128
	// MaxDataBytes is the size of the largest entry, as JSON.
	MaxDataBytes = 1 << 20
	// MaxDataDepth is the largest number of levels of lists and objects in an entry. SQLite
	// reads no more levels, and could not query the entry.
	MaxDataDepth = 1000
)

// CheckKind returns ErrInvalidName for a kind that no file takes.
func CheckKind(kind string) error {
	if kind == "" || len(kind) > MaxKindBytes {
		return fmt.Errorf("%w: kind %q has %d bytes, 1 to %d are allowed", failure.ErrInvalidName, kind, len(kind), MaxKindBytes)
	}
	for _, letter := range kind {
		if letter == utf8.RuneError || unicode.IsControl(letter) {
			return fmt.Errorf("%w: kind %q holds %q; use UTF-8 without control characters", failure.ErrInvalidName, kind, letter)
		}
	}
	return nil
}

// EncodeData returns the data of an entry as JSON. A json.RawMessage is kept as it is.
func EncodeData(data any) (string, error) {
	encoded, err := json.Marshal(data)
	if raw, isRaw := data.(json.RawMessage); isRaw && err == nil {
		encoded = bytes.TrimSpace(raw)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", failure.ErrInvalidData, err)
	case !utf8.Valid(encoded):
		return "", fmt.Errorf("%w: it is not UTF-8", failure.ErrInvalidData)
	case len(encoded) > MaxDataBytes:
		return "", &failure.TooLargeError{What: "workspace entry", Size: len(encoded), Limit: MaxDataBytes}
	}
	return string(encoded), checkDepth(encoded)
}

// checkDepth returns ErrInvalidData for JSON that is nested deeper than SQLite reads.
func checkDepth(text []byte) error {
	if depth := depthOf(text); depth > MaxDataDepth {
		return fmt.Errorf("%w: it is nested %d levels deep, and SQLite's JSON reads %d", failure.ErrInvalidData, depth, MaxDataDepth)
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
