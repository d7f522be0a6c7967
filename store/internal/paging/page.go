// SPDX-License-Identifier: EUPL-1.2

package paging

import (
	"cmp"
	"fmt"
)

// DefaultLimit is the limit of a query without a limit.
const DefaultLimit = 100

// CheckLimit returns an error for a limit that no query can have.
func CheckLimit(limit int) error {
	if limit < 0 {
		return fmt.Errorf("limit %d may not be negative", limit)
	}
	return nil
}

// Page is a page that is being filled.
type Page[Element any] struct {
	Elements []Element
	// Full tells that there was one element more.
	Full bool

	limit int
	fits  func(*Element) bool
}

// New returns a page of at most limit elements, 0 is DefaultLimit. It has the elements that fits
// takes, and one in any case. A nil fits takes all.
func New[Element any](limit int, fits func(*Element) bool) Page[Element] {
	return Page[Element]{limit: cmp.Or(limit, DefaultLimit), fits: fits}
}

// Take adds an element, or returns false if it is too much.
func (page *Page[Element]) Take(element Element) bool {
	if len(page.Elements) == page.limit || (page.fits != nil && !page.fits(&element) && len(page.Elements) > 0) {
		page.Full = true
		return false
	}
	page.Elements = append(page.Elements, element)
	return true
}
