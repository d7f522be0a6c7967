// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	lowerHex = "0123456789abcdef"

	// shortEscapes pairs each byte that has a short escape with its letter.
	shortEscapes = "\"\"\\\\\bb\ff\nn\rr\tt"

	// longEscape is the letter of \u0000. notASCII marks a byte that begins a rune beyond
	// ASCII.
	longEscape = 'u'
	notASCII   = utf8.RuneSelf

	// longRun is how many literal bytes in a row make more of them likely.
	longRun = 8

	// everyByte times a byte is eight of that byte; highBits is the top bit of each.
	everyByte = 0x0101010101010101
	highBits  = 0x8080808080808080
)

// letters holds the letter after the backslash for each byte that is escaped in a JSON
// string, and 0 for a literal byte.
var letters = func() (table [256]byte) {
	for char := range byte(' ') {
		table[char] = longEscape
	}
	for index := 0; index < len(shortEscapes); index += 2 {
		table[shortEscapes[index]] = shortEscapes[index+1]
	}
	for char := notASCII; char < len(table); char++ {
		table[char] = notASCII
	}
	return table
}()

// appendString appends text as a JSON string in its shortest form. Bytes that
// are not UTF-8 become U+FFFD.
func appendString(dst []byte, text string) []byte {
	quoted, valid := appendValidString(dst, text)
	if !valid {
		quoted, _ = appendValidString(dst, strings.ToValidUTF8(text, string(utf8.RuneError)))
	}
	return quoted
}

// appendValidString appends text as appendString does. If text is not valid UTF-8, it
// reports false and returns dst unchanged.
func appendValidString(dst []byte, text string) ([]byte, bool) {
	length, start := len(dst), 0
	dst = append(slices.Grow(dst, len(text)+len(`""`)), '"')
	for index := literalLength(text); index < len(text); index += literalLength(text[index:]) {
		char := text[index]
		if char >= notASCII {
			size := runesLength(text[index:])
			if size == 0 {
				return dst[:length], false
			}
			index += size
			continue
		}
		dst = appendEscape(append(dst, text[start:index]...), char)
		index++
		start = index
	}
	dst = append(dst, text[start:]...)
	return append(dst, '"'), true
}

func appendEscape(dst []byte, char byte) []byte {
	if letter := letters[char]; letter != longEscape {
		return append(dst, '\\', letter)
	}
	return append(dst, '\\', longEscape, '0', '0', lowerHex[char>>4], lowerHex[char&0x0f])
}

// stringSize returns the size of text as appendString writes it. If text is not valid
// UTF-8, it reports false, and the size may be larger.
func stringSize(text string) (size int, valid bool) {
	size, valid = len(`""`)+len(text), true
	for index := literalLength(text); index < len(text); index += literalLength(text[index:]) {
		switch letters[text[index]] {
		case notASCII:
			if length := runesLength(text[index:]); length > 0 {
				index += length
				continue
			}
			size, valid = size+len(string(utf8.RuneError))-1, false
		case longEscape:
			size += len(`\u0000`) - 1
		default:
			size += len(`\n`) - 1
		}
		index++
	}
	return size, valid
}

// isLiteral reports whether text is a JSON string as it stands, between quotes.
func isLiteral(text []byte) bool {
	for {
		text = text[literalLength(text):]
		if len(text) == 0 {
			return true
		}
		runes := runesLength(text)
		if runes == 0 {
			return false
		}
		text = text[runes:]
	}
}

// runesLength returns the length of the leading runes beyond ASCII. It is 0 if the first
// one is not UTF-8.
func runesLength[Text string | []byte](text Text) int {
	index := 0
	for index < len(text) && text[index] >= notASCII {
		char, size := utf8.DecodeRuneInString(string(text[index:min(index+utf8.UTFMax, len(text))]))
		if char == utf8.RuneError && size == 1 {
			break
		}
		index += size
	}
	return index
}

// literalLength returns the length of the leading literal ASCII bytes.
func literalLength[Text string | []byte](text Text) int {
	index := 0
	for index < len(text) && letters[text[index]] == 0 {
		index++
		if index == longRun {
			index += literalWords(text[index:])
		}
	}
	return index
}

// literalWords is literalLength in whole words of eight bytes, which makes long values
// cheap. A byte sets a high bit of flags if it is below the space, a quote, a backslash,
// or not ASCII. A byte after one of these may set one too; no other byte does.
func literalWords[Text string | []byte](text Text) int {
	index := 0
	for ; index+32 <= len(text); index += 32 {
		words := text[index : index+32]
		if (flags(loadEight(words))|flags(loadEight(words[8:]))|flags(loadEight(words[16:]))|flags(loadEight(words[24:])))&highBits != 0 {
			break
		}
	}
	for ; index+8 <= len(text); index += 8 {
		if flags(loadEight(text[index:]))&highBits != 0 {
			break
		}
	}
	return index
}

// flags has the high bits of literalWords. The first exclusive or puts the quote in the place of the
// space, next to the bytes below it.
func flags(eight uint64) uint64 {
	return (eight ^ ('"'^' ')*everyByte - (' '+1)*everyByte) | (eight ^ '\\'*everyByte - everyByte) | eight
}

// loadEight reads eight bytes, the first one lowest. The compiler turns it into one load.
func loadEight[Text string | []byte](text Text) uint64 {
	_ = text[7]
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
}
