// SPDX-License-Identifier: EUPL-1.2

package sqlite

import "database/sql/driver"

// Row has the columns of a row, by index from 0, or the arguments of a statement. Signed,
// Unsigned, Text and Bytes return the zero value if the column is NULL or of another type.
type Row []driver.Value

// Null reports whether a column is NULL.
func (row Row) Null(column int) bool { return row[column] == nil }

// Signed reads an INTEGER column.
func (row Row) Signed(column int) int64 {
	integer, _ := row[column].(int64)
	return integer
}

// Unsigned reads an INTEGER column that holds the bits of an unsigned integer.
func (row Row) Unsigned(column int) uint64 { return uint64(row.Signed(column)) }

// Text reads a TEXT column.
func (row Row) Text(column int) string {
	text, _ := row[column].(string)
	return text
}

// Bytes reads a BLOB column. The bytes are valid as long as the row; a caller that keeps them
// copies them.
func (row Row) Bytes(column int) []byte {
	blob, _ := row[column].([]byte)
	return blob
}
