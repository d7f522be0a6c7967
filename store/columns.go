// SPDX-License-Identifier: EUPL-1.2

package store

import "database/sql/driver"

// unsigned reads an INTEGER column; NULL is 0.
func unsigned(value driver.Value) uint64 { return uint64(signed(value)) }

// signed reads an INTEGER column; NULL is 0.
func signed(value driver.Value) int64 {
	integer, _ := value.(int64)
	return integer
}
