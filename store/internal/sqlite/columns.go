// SPDX-License-Identifier: EUPL-1.2

package sqlite

import "database/sql/driver"

// Unsigned reads an INTEGER column; NULL is 0.
func Unsigned(value driver.Value) uint64 { return uint64(Signed(value)) }

// Signed reads an INTEGER column; NULL is 0.
func Signed(value driver.Value) int64 {
	integer, _ := value.(int64)
	return integer
}
