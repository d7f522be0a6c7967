// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"strconv"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// plain marks the bytes that stand for themselves in a token.
var plain = func() (table [256]bool) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, char := range []byte(letters + "0123456789" + "-_:/=@+~") {
		table[char] = true
	}
	return table
}()

// EncodeToken gives the one subject token of a name: letters, digits and
// - _ : / = @ + ~ stand for themselves, every other byte is %XX. Any bytes are
// taken; the empty name has no token. It allocates only where a byte is encoded.
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

// DecodeToken gives the name of a token. A token that EncodeToken would not have
// made is ErrBadRequest: one name has exactly one token, so that a permission on
// a subject is a permission on a name. It allocates only where a byte was encoded.
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

// decodeByte reads the %XX that text begins with. It reports false where there
// is none, and where it stands for a byte that needs none.
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

// badToken says what is wrong with a token where rest begins.
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

// plainLength is the length of the leading bytes that stand for themselves.
func plainLength(name string) int {
	for index := range len(name) {
		if !plain[name[index]] {
			return index
		}
	}
	return len(name)
}

// tokenSize is the length of the token of a name.
func tokenSize(name string) int {
	size := len(name)
	for index := range len(name) {
		if !plain[name[index]] {
			size += len("%XX") - 1
		}
	}
	return size
}
