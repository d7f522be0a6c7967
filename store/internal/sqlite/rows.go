// SPDX-License-Identifier: EUPL-1.2

package sqlite

import (
	"database/sql"
	"errors"
)

// ReadRows reads every row with scan, and closes them.
func ReadRows[Row any](rows *sql.Rows, scan func(row *Row) error) (all []Row, err error) {
	for err == nil && rows.Next() {
		var row Row
		err = scan(&row)
		all = append(all, row)
	}
	return all, errors.Join(err, rows.Err(), rows.Close())
}
