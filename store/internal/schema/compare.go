// SPDX-License-Identifier: EUPL-1.2

package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dappco.re/go/storebus/store/internal/sqlite"
)

// part is a table, an index or a trigger, or a column of a table.
type part struct {
	// kind is "table", "index" or "trigger", and column is empty for the whole.
	kind, name, column string
}

// Absent returns a sentence for each table, column, index and trigger of the newest schema that a database does
// not have. readable tells that no table is absent, and no column. What a database has beside the schema is no
// matter.
func Absent(ctx context.Context, connection *sql.Conn) (absent []string, readable bool, err error) {
	found, err := partsOf(ctx, connection)
	if err != nil {
		return nil, false, err
	}
	expected, err := newestParts(ctx)
	if err != nil {
		return nil, false, err
	}
	known, lost := map[part]bool{}, map[part]bool{}
	for _, one := range found {
		known[one], known[part{kind: one.kind, name: one.name}] = true, true
	}
	readable = true
	for _, one := range expected {
		whole := part{kind: one.kind, name: one.name}
		switch {
		case lost[whole] || known[one]:
			continue
		case known[whole]:
			absent = append(absent, fmt.Sprintf("table %s has no column %s", one.name, one.column))
		default:
			lost[whole] = true
			absent = append(absent, fmt.Sprintf("the %s %s is missing", one.kind, one.name))
		}
		readable = readable && one.kind != "table"
	}
	return absent, readable, nil
}

// newestParts returns the parts of a new database.
func newestParts(ctx context.Context) (parts []part, err error) {
	opened, err := sqlite.Open(sqlite.MemoryPath, sqlite.SynchronousFull)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if err := Migrate(ctx, opened.Connection, time.Time{}, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	return partsOf(ctx, opened.Connection)
}

const selectParts = `SELECT s.type, s.name, ifnull(c.name, '') FROM sqlite_schema s LEFT JOIN pragma_table_info(s.name) c
	WHERE s.type IN ('table', 'index', 'trigger') AND s.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY s.name, c.cid`

// partsOf returns the tables, columns, indices and triggers of a database, without those of SQLite itself.
func partsOf(ctx context.Context, connection reader) ([]part, error) {
	rows, err := connection.QueryContext(ctx, selectParts)
	if err != nil {
		return nil, err
	}
	return sqlite.ReadRows(rows, func(one *part) error { return rows.Scan(&one.kind, &one.name, &one.column) })
}
