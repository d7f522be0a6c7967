// SPDX-License-Identifier: EUPL-1.2

package flux

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenInvalid
	tokenIdentifier
	tokenString
	tokenInteger
	tokenFloat
	tokenDuration
	tokenTime
	tokenSign
)

// token is the smallest meaningful part of a query.
type token struct {
	kind tokenKind
	// text is the text in the query; for a string it is the value, and for an invalid token the
	// reason.
	text   string
	offset int
}

// describe names a token in an error.
func (token token) describe() string {
	switch token.kind {
	case tokenEnd:
		return "the end of the query"
	case tokenString:
		return "a string"
	}
	const longest = 40
	if len(token.text) > longest {
		return fmt.Sprintf("%q…", token.text[:longest])
	}
	return fmt.Sprintf("%q", token.text)
}

// reserved are the words that cannot be a name.
var reserved = map[string]bool{
	"and": true, "builtin": true, "else": true, "exists": true, "if": true, "import": true, "not": true,
	"option": true, "or": true, "package": true, "return": true, "testcase": true, "then": true,
}

// signs are in order of their length: the longest match wins.
var signs = []string{
	"|>", "=>", "==", "!=", "<=", ">=", "=~", "!~", "<-",
	"(", ")", "[", "]", "{", "}", ".", ",", ":", "<", ">", "=", "+", "-", "*", "/", "%", "^", "?", "@",
}

// numbers are the tokens that begin with a digit, or with a point and a digit. The first
// match wins.
var numbers = []struct {
	kind    tokenKind
	pattern *regexp.Regexp
}{
	{tokenTime, regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d*)?(Z|[+-]\d{2}:\d{2})?)?`)},
	{tokenDuration, regexp.MustCompile(`^((0|[1-9]\d*)(y|mo|w|d|h|ms|m|s|us|µs|ns))+`)},
	{tokenFloat, regexp.MustCompile(`^(\d+\.\d*|\.\d+)`)},
	{tokenInteger, regexp.MustCompile(`^(0|[1-9]\d*)`)},
}

// scan divides a text into tokens. The last token is the end, or an invalid one.
func scan(text string) []token {
	scanner := &scanner{text: text}
	for {
		scanner.skip()
		next := scanner.next()
		scanner.tokens = append(scanner.tokens, next)
		if next.kind == tokenEnd || next.kind == tokenInvalid {
			return scanner.tokens
		}
	}
}

type scanner struct {
	text   string
	offset int
	tokens []token
}

func (scanner *scanner) rest() string { return scanner.text[scanner.offset:] }

// skip skips white space and comments.
func (scanner *scanner) skip() {
	for {
		scanner.offset = len(scanner.text) - len(strings.TrimLeft(scanner.rest(), " \t\r\n"))
		if !strings.HasPrefix(scanner.rest(), "//") {
			return
		}
		comment, _, _ := strings.Cut(scanner.rest(), "\n")
		scanner.offset += len(comment)
	}
}

func (scanner *scanner) next() token {
	first, _ := utf8.DecodeRuneInString(scanner.rest())
	switch {
	case scanner.rest() == "":
		return token{kind: tokenEnd, offset: scanner.offset}
	case first == '"':
		return scanner.quoted()
	case isLetter(first):
		return scanner.emit(tokenIdentifier, identifierLength(scanner.rest()))
	}
	if first == '.' || first >= '0' && first <= '9' {
		for _, number := range numbers {
			if length := len(number.pattern.FindString(scanner.rest())); length > 0 {
				return scanner.emit(number.kind, length)
			}
		}
	}
	for _, sign := range signs {
		if strings.HasPrefix(scanner.rest(), sign) {
			return scanner.emit(tokenSign, len(sign))
		}
	}
	return scanner.invalid(scanner.offset, "unexpected character %q", first)
}

func (scanner *scanner) emit(kind tokenKind, length int) token {
	taken := token{kind: kind, text: scanner.rest()[:length], offset: scanner.offset}
	scanner.offset += length
	return taken
}

func (scanner *scanner) invalid(offset int, format string, arguments ...any) token {
	return token{kind: tokenInvalid, text: fmt.Sprintf(format, arguments...), offset: offset}
}

func isLetter(char rune) bool { return char == '_' || unicode.IsLetter(char) }

// identifierLength is the number of bytes of the name at the beginning of a text. The text
// begins with a letter.
func identifierLength(text string) int {
	for index, char := range text {
		if !isLetter(char) && !unicode.IsDigit(char) {
			return index
		}
	}
	return len(text)
}

// isName reports whether a text can follow "r.".
func isName(text string) bool {
	first, _ := utf8.DecodeRuneInString(text)
	return isLetter(first) && identifierLength(text) == len(text) && !reserved[text]
}

// escapes maps the character behind a backslash to its meaning.
var escapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\'}

// quoted reads a string. Its quote comes next.
func (scanner *scanner) quoted() token {
	start := scanner.offset
	var value strings.Builder
	for index := start + 1; index < len(scanner.text); {
		rest := scanner.text[index:]
		switch {
		case rest[0] == '"':
			scanner.offset = index + 1
			if !utf8.ValidString(value.String()) {
				return scanner.invalid(start, "the string is not UTF-8")
			}
			return token{kind: tokenString, text: value.String(), offset: start}
		case strings.HasPrefix(rest, "${"):
			return scanner.invalid(index, `"${" would put a value into the string, which is not allowed here; for the characters themselves write "\${"`)
		case rest[0] == '\\':
			char, length := unescape(rest)
			if length == 0 {
				return scanner.invalid(index, `there is no such escape: use \n, \r, \t, \", \\, \${ or \x and two hexadecimal digits`)
			}
			value.WriteByte(char)
			index += length
		default:
			value.WriteByte(rest[0])
			index++
		}
	}
	return scanner.invalid(start, "the string has no end")
}

var escapedByte = regexp.MustCompile(`^\\x[0-9A-Fa-f]{2}`)

// unescape reads an escape at the beginning of a text. It returns its meaning and its
// length, 0 if there is none.
func unescape(text string) (char byte, length int) {
	switch {
	case strings.HasPrefix(text, `\${`):
		return '$', len(`\$`) // the brace stands for itself
	case escapedByte.MatchString(text):
		return hexDigit(text[2])<<4 | hexDigit(text[3]), len(`\xff`)
	case len(text) > 1 && escapes[text[1]] != 0:
		return escapes[text[1]], len(`\n`)
	}
	return 0, 0
}

func hexDigit(char byte) byte {
	switch {
	case char >= 'a':
		return char - 'a' + 10
	case char >= 'A':
		return char - 'A' + 10
	}
	return char - '0'
}
