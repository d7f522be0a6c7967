// SPDX-License-Identifier: EUPL-1.2

package workspacefile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names of the original library's workspaces, and kinds of their entries, may hold any
// character. A forbidden character is written as in names of SQL/XML: a space as _x0020_, with
// the code point in hexadecimal. So a new name can be read, and gives the original name back.

// invalidByte is the code point that stands for a byte which is not UTF-8, 0xDC80 for
// 0x80: no text holds one.
const invalidByte = 0xDC00

// emptyName stands for the empty name: no file has this one.
const emptyName = "\x00"

// renamedDigestBytes is how much of a digest ends a name that is too long to be kept.
const renamedDigestBytes = 8

var (
	escapeSequence = regexp.MustCompile(`_x(?:[0-9A-F]{8}|[0-9A-F]{4})_`)
	escapeStart    = regexp.MustCompile(`^_x[0-9A-F]{4}`)
	// escapedFirst begins a name whose first character is escaped. It puts an x in front,
	// because a name begins with a letter or a digit.
	escapedFirst = regexp.MustCompile(`^x_x(?:[0-9A-F]{8}|[0-9A-F]{4})_`)
)

// OriginalName returns the name that a workspace, or a kind of entries, had in the original
// library. The names differ only if the first name is not allowed here. A name that was too
// long cannot be returned: it was cut, and ends with a digest.
//
//	store.OriginalName("my_x0020_notes") // "my notes"
//	store.OriginalName("import-42")      // "import-42"
func OriginalName(name string) string {
	if escapedFirst.MatchString(name) {
		name = name[1:]
	}
	if name = unescape(name); name == emptyName {
		return ""
	}
	return name
}

func unescape(name string) string {
	return escapeSequence.ReplaceAllStringFunc(name, func(sequence string) string {
		letter, err := strconv.ParseUint(sequence[2:len(sequence)-1], 16, 32)
		switch {
		case err != nil || letter > unicode.MaxRune:
			return sequence
		case letter >= invalidByte+0x80 && letter <= invalidByte+0xFF:
			return string([]byte{byte(letter - invalidByte)})
		default:
			return string(rune(letter))
		}
	})
}

// renamedWorkspace is the name that a workspace of the original library gets: its own,
// if our rule takes it.
func renamedWorkspace(name string) string {
	return rename(name, isWorkspaceLetter, checkName, MaxNameBytes)
}

// isWorkspaceLetter reports whether a name may hold a character behind another one.
func isWorkspaceLetter(before, letter rune) bool {
	return letter < utf8.RuneSelf && (isLetterOrDigit(byte(letter)) || strings.ContainsRune("_-", letter)) || letter == '.' && before != '.'
}

// renamedKind is the kind that entries of the original library's workspaces get: their
// own, if check takes it.
func renamedKind(kind string, check func(kind string) error) string {
	return rename(kind, isKindLetter, check, MaxKindBytes)
}

func isKindLetter(_, letter rune) bool { return !unicode.IsControl(letter) && letter != '\\' }

// rename escapes the forbidden characters of a name. If the name is still refused, as a name
// that begins with "_" or the kind "time", it escapes the first character too.
func rename(name string, kept func(before, letter rune) bool, check func(name string) error, limit int) string {
	if name == "" {
		name = emptyName
	}
	renamed := escape(name, kept)
	if check(cut(name, renamed, limit)) != nil || escapedFirst.MatchString(renamed) {
		renamed = "x" + escapeFirst(renamed)
	}
	return cut(name, renamed, limit)
}

// escape writes a name with escape sequences for the characters that kept refuses. kept also
// receives the character before. A text that looks like an escape sequence is escaped too.
func escape(name string, kept func(before, letter rune) bool) string {
	var renamed strings.Builder
	before := rune(0)
	for at := 0; at < len(name); {
		letter, size := utf8.DecodeRuneInString(name[at:])
		switch {
		case letter == utf8.RuneError && size == 1:
			writeEscaped(&renamed, invalidByte+rune(name[at]))
		case !kept(before, letter), escapeStart.MatchString(name[at:]):
			writeEscaped(&renamed, letter)
		default:
			renamed.WriteRune(letter)
		}
		at, before = at+size, letter
	}
	return renamed.String()
}

func writeEscaped(renamed *strings.Builder, letter rune) {
	if letter > 0xFFFF {
		fmt.Fprintf(renamed, "_x%08X_", letter)
	} else {
		fmt.Fprintf(renamed, "_x%04X_", letter)
	}
}

// escapeFirst escapes the first character of a renamed name, too.
func escapeFirst(renamed string) string {
	if escapeStart.MatchString(renamed) {
		return renamed // it is escaped
	}
	letter, size := utf8.DecodeRuneInString(renamed)
	var first strings.Builder
	writeEscaped(&first, letter)
	return first.String() + renamed[size:]
}

// cut shortens a name that is too long, and ends it with a digest of the original one.
func cut(name, renamed string, limit int) string {
	if len(renamed) <= limit {
		return renamed
	}
	digest := sha256.Sum256([]byte(name))
	end := limit - 1 - 2*renamedDigestBytes
	for !utf8.RuneStart(renamed[end]) {
		end--
	}
	return renamed[:end] + "-" + hex.EncodeToString(digest[:renamedDigestBytes])
}
