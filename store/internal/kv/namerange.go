// SPDX-License-Identifier: EUPL-1.2

package kv

// NameRange is a range of names: from Low on, and before High if that is not nil.
type NameRange struct {
	Low  string
	High *string
}

// Prefixed returns the range of the names with a prefix.
func Prefixed(prefix string) NameRange { return NameRange{Low: prefix, High: prefixEnd(prefix)} }

// Behind returns the part of a range after a name.
func (names NameRange) Behind(name string) NameRange {
	return NameRange{Low: max(names.Low, FirstBehind(name)), High: names.High}
}

// Holds reports whether a name lies in the range.
func (names NameRange) Holds(name string) bool {
	return name >= names.Low && (names.High == nil || name < *names.High)
}

// FirstBehind returns the first text behind another: that text and a zero byte.
func FirstBehind(text string) string { return text + "\x00" }

// prefixEnd returns the first text behind all texts that begin with prefix, nil if there is
// none.
func prefixEnd(prefix string) *string {
	end := []byte(prefix)
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return nil
	}
	end[len(end)-1]++
	text := string(end)
	return &text
}
