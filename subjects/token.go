// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"strconv"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// plain marks the bytes that are not encoded in a token.
var plain = func() (table [256]bool) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, char := range []byte(letters + "0123456789" + "-_:/=@+~") {
		table[char] = true
	}
	return table
}()

// EncodeToken returns the subject token of a name, exactly one for each name. Letters,
// digits and - _ : / = @ + ~ stand for themselves; every other byte is %XX. Any bytes are
// allowed. The empty name has no token. EncodeToken allocates only if a byte is encoded.
//
//	subjects.EncodeToken("config")  // config
//	subjects.EncodeToken("a.b*")    // a%2Eb%2A
func EncodeToken(name string) string {
	if plainLength(name) == len(name) {
		return name
	}
	return string(AppendToken(make([]byte, 0, tokenSize(name)), name))
}

// AppendToken appends the token of a name to dst.
func AppendToken(dst []byte, name string) []byte {
	for {
		length := plainLength(name)
		dst = append(dst, name[:length]...)
		if length == len(name) {
			return dst
		}
		char := name[length]
		dst = append(dst, '%', upperHex[char>>4], upperHex[char&0x0f])
		name = name[length+1:]
	}
}

// DecodeToken returns the name of a token. A token that EncodeToken does not make is
// ErrBadRequest. Each name has exactly one token, so that a permission on a subject is a
// permission on a name. DecodeToken allocates only if a byte was encoded.
//
//	name, err := subjects.DecodeToken("a%2Eb%2A")  // a.b*
func DecodeToken(token string) (string, error) {
	if token == "" {
		return "", ErrBadRequest.New("a token of a subject cannot be empty")
	}
	if plainLength(token) == len(token) {
		return token, nil
	}
	return decodeEncodedToken(token)
}

func decodeEncodedToken(token string) (string, error) {
	var name strings.Builder
	name.Grow(len(token))
	for rest := token; ; {
		length := plainLength(rest)
		name.WriteString(rest[:length])
		if rest = rest[length:]; rest == "" {
			return name.String(), nil
		}
		char, ok := decodeByte(rest)
		if !ok {
			return "", badToken(token, rest)
		}
		name.WriteByte(char)
		rest = rest[len("%XX"):]
	}
}

// decodeByte reads the %XX at the beginning of a text. It reports false if there is none,
// or if the byte needs no encoding.
func decodeByte(text string) (byte, bool) {
	if len(text) < len("%XX") || text[0] != '%' {
		return 0, false
	}
	high := strings.IndexByte(upperHex, text[1])
	low := strings.IndexByte(upperHex, text[2])
	if high < 0 || low < 0 {
		return 0, false
	}
	char := byte(high<<4 | low)
	return char, !plain[char]
}

// badToken explains the mistake in a token at the beginning of rest.
func badToken(token, rest string) *Error {
	if rest[0] != '%' {
		return ErrBadRequest.New(fmt.Sprintf("token %s holds the byte %s as it is: write %%%02X", quote(token), quote(rest[:1]), rest[0]))
	}
	piece := rest[:min(len(rest), len("%XX"))]
	if char, err := strconv.ParseUint(piece[1:], 16, 8); err == nil && len(piece) == len("%XX") && plain[char] {
		return ErrBadRequest.New(fmt.Sprintf("token %s encodes a byte that stands for itself: write %c, not %s", quote(token), char, piece))
	}
	return ErrBadRequest.New(fmt.Sprintf("token %s holds %s: %% is followed by two upper-case hexadecimal digits", quote(token), quote(piece)))
}

// plainLength returns the length of the leading bytes that are not encoded.
func plainLength(name string) int {
	for index := range len(name) {
		if !plain[name[index]] {
			return index
		}
	}
	return len(name)
}

// tokenSize returns the length of the token of a name.
func tokenSize(name string) int {
	size := len(name)
	for index := range len(name) {
		if !plain[name[index]] {
			size += len("%XX") - 1
		}
	}
	return size
}
