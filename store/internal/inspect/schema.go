// SPDX-License-Identifier: EUPL-1.2

package inspect

import "errors"

// errIncomplete ends an inspection of a database that cannot be compared further.
var errIncomplete = errors.New("the database is incomplete")

// schema has absent look for the tables, and looks for the values of meta. It returns errIncomplete if
// the rest cannot be read without what is missing.
func (inspection *inspection) schema(absent Schema) error {
	missing, readable, err := absent()
	if err != nil {
		return err
	}
	for _, fault := range missing {
		inspection.report.differ("%s", fault)
	}
	if !readable {
		return errIncomplete
	}
	var starts int
	if err := inspection.one("SELECT count(*) FROM record_start", &starts); err != nil {
		return err
	}
	if starts != 1 {
		inspection.report.differ("record_start has %d rows, and not 1", starts)
	}
	for _, name := range []string{"store_id", "materialised", "log_gone"} {
		var count int
		if err := inspection.reader.QueryRowContext(inspection.ctx, "SELECT count(*) FROM meta WHERE name = ?", name).Scan(&count); err != nil {
			return err
		}
		if count == 0 {
			inspection.report.differ("meta has no %s", name)
			readable = false
		}
	}
	if !readable {
		return errIncomplete
	}
	return nil
}
