// SPDX-License-Identifier: EUPL-1.2

package store

// nameRange is a range of names: from low on, and before high if that is not nil.
type nameRange struct {
	low  string
	high *string
}

// prefixed is the range of the names that begin with prefix.
func prefixed(prefix string) nameRange { return nameRange{low: prefix, high: prefixEnd(prefix)} }

// behind is the part of a range that comes after a name.
func (names nameRange) behind(name string) nameRange {
	return nameRange{low: max(names.low, firstBehind(name)), high: names.high}
}

func (names nameRange) holds(name string) bool {
	return name >= names.low && (names.high == nil || name < *names.high)
}

// firstBehind returns the first text behind another: that text and a zero byte.
func firstBehind(text string) string { return text + "\x00" }

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
