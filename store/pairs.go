// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
)

const (
	// keysPerPage is how many entries the iterators, GetAll and GetPage read at once.
	keysPerPage = 1024
	// expectedKeys bounds for how many keys GetAll makes room before it has read them.
	expectedKeys = 16 * keysPerPage
)

// KeyValue is an element of GetPage and All.
type KeyValue struct {
	Key   string
	Value string
}

func checkPage(offset, limit int) error {
	if offset < 0 || limit < 0 {
		return fmt.Errorf("offset %d and limit %d may not be negative", offset, limit)
	}
	return nil
}
