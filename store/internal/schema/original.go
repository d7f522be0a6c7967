// SPDX-License-Identifier: EUPL-1.2

package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The tables of the original library. A migration takes over its journal_entries.
var (
	originalColumns = []string{"group_name", "entry_key", "entry_value", "expires_at"}
	olderColumns    = []string{"grp", "key", "value", "expires_at"}
	journalTable    = []string{"entry_id", "bucket_name", "measurement", "fields_json", "tags_json", "committed_at", "archived_at"}
)

// rowsPerOriginalPage is the number of rows of the original in one read.
const rowsPerOriginalPage = 1000

// original converts a database of the original library, which has neither revisions nor a
// log. It uses one transaction: until the commit, the file stays as it was.
type original struct {
	ctx         context.Context //nolint:containedctx // it belongs to the one call that reads the original
	transaction *sql.Tx
	// entries and older are the columns of its tables, nil if a table does not exist.
	entries, older []string

	timestamp       int64
	selectPage      *sql.Stmt
	insertEntry     *sql.Stmt
	insertGroup     *sql.Stmt
	insertNamespace *sql.Stmt

	namespaces map[string]*kv.NamespaceState
	group      originalGroup
	rows       int
}

// originalGroup is the group in conversion. Rows come in its order.
type originalGroup struct {
	kv.GroupState
	name, namespace, local string
}

// originalRow is a row of the original.
type originalRow struct {
	group, key, value string
	expiresAt         sql.NullInt64
}

// stranger returns the first table that the original library does not have. It returns "" for a
// database of the original library.
func (original *original) stranger(tables []string) (string, error) {
	for _, table := range tables {
		if known, err := original.knows(table); err != nil || !known {
			return table, err
		}
	}
	if original.entries == nil && original.older == nil {
		return tables[0], nil
	}
	return "", nil
}

func (original *original) knows(table string) (known bool, err error) {
	switch table {
	case "entries":
		original.entries, err = original.columns(table, originalColumns)
		return original.entries != nil, err
	case "kv":
		original.older, err = original.columns(table, olderColumns)
		return original.older != nil, err
	case "journal_entries":
		columns, err := original.columns(table, journalTable)
		return len(columns) == len(journalTable), err
	default:
		return table == "sqlite_sequence", nil
	}
}

// columns returns the columns of a table if they are as expected, and nil otherwise. The last
// column came later.
func (original *original) columns(table string, want []string) (columns []string, err error) {
	rows, err := original.transaction.QueryContext(original.ctx, "SELECT name FROM pragma_table_info(?) ORDER BY cid", table) //nolint:sqlclosecheck // ReadRows closes them
	if err != nil {
		return nil, err
	}
	columns, err = sqlite.ReadRows(rows, func(column *string) error { return rows.Scan(column) })
	if !slices.Equal(columns, want) && !slices.Equal(columns, want[:len(want)-1]) {
		columns = nil
	}
	return columns, err
}

// upgradeOriginal turns a database of the original library into a store of the newest
// version. If the database is another one, it returns ErrNotAStore. Every entry gets a
// revision, dense in its namespace, in the order of group and key. The log is empty.
func upgradeOriginal(ctx context.Context, connection *sql.Conn, migrations []string, tables []string, now time.Time, logger *slog.Logger) error {
	transaction, err := connection.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	original := &original{ctx: ctx, transaction: transaction, timestamp: now.UnixNano(), namespaces: map[string]*kv.NamespaceState{}}
	if err := original.upgrade(migrations, tables); err != nil {
		return errors.Join(err, transaction.Rollback())
	}
	if err := transaction.Commit(); err != nil {
		return err
	}
	logger.Info("the database of the original library was upgraded", slog.Int("entries", original.rows))
	return nil
}

// check returns ErrNotAStore if the database is not one of the original library.
func (original *original) check(tables []string) error {
	stranger, err := original.stranger(tables)
	if err != nil {
		return err
	}
	if stranger != "" {
		return fmt.Errorf("%w: it has a table %q and no schema version", ErrNotAStore, stranger)
	}
	return nil
}

func (original *original) upgrade(migrations, tables []string) error {
	if err := original.check(tables); err != nil {
		return err
	}
	if err := original.setAside(); err != nil {
		return err
	}
	for _, migration := range migrations {
		if err := executeMigration(original.ctx, original.transaction, migration); err != nil {
			return err
		}
	}
	if err := original.takeOver(); err != nil {
		return err
	}
	// No record tells of the entries.
	return original.execute("DROP TABLE original_entries", "UPDATE record_start SET record_id = 1", fmt.Sprintf("PRAGMA user_version = %d", len(migrations)))
}

// setAside moves the rows of all forms of the original into one table with an unused name.
func (original *original) setAside() error {
	var statements []string
	switch len(original.entries) {
	case len(originalColumns):
		statements = append(statements, "ALTER TABLE entries RENAME TO original_entries")
	case len(originalColumns) - 1:
		statements = append(statements, "ALTER TABLE entries RENAME TO original_entries", "ALTER TABLE original_entries ADD COLUMN expires_at INTEGER")
	default:
		statements = append(statements, "CREATE TABLE original_entries (group_name TEXT, entry_key TEXT, entry_value TEXT, expires_at INTEGER, PRIMARY KEY (group_name, entry_key))")
	}
	if original.older != nil {
		expiresAt := "NULL"
		if len(original.older) == len(olderColumns) {
			expiresAt = "expires_at"
		}
		statements = append(statements, "INSERT OR IGNORE INTO original_entries SELECT grp, key, value, "+expiresAt+" FROM kv", "DROP TABLE kv")
	}
	return original.execute(statements...)
}

func (original *original) execute(statements ...string) error {
	for _, statement := range statements {
		if _, err := original.transaction.ExecContext(original.ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

func (original *original) prepare() (err error) {
	for text, statement := range map[string]**sql.Stmt{
		// If an entry of the original expired at time 0, it has expired here too, although
		// 0 means never.
		`SELECT group_name, entry_key, entry_value, CASE expires_at WHEN 0 THEN 1 ELSE expires_at END FROM original_entries
			WHERE (group_name, entry_key) >= (?, ?) ORDER BY group_name, entry_key LIMIT ?`: &original.selectPage,
		`INSERT INTO entries (group_name, entry_key, entry_value, revision, updated_at, expires_at, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)`: &original.insertEntry,
		`INSERT INTO groups (group_name, keys, bytes, last_revision) VALUES (?, ?, ?, ?)`:                                                   &original.insertGroup,
		`INSERT INTO namespaces (namespace, revision, keys, groups, bytes) VALUES (?, ?, ?, ?, ?)`:                                          &original.insertNamespace,
	} {
		if *statement, err = original.transaction.PrepareContext(original.ctx, text); err != nil { //nolint:sqlclosecheck // the end of the transaction closes it
			return err
		}
	}
	return nil
}

// takeOver writes an entry for each row, and the counters.
func (original *original) takeOver() error {
	if err := original.prepare(); err != nil {
		return err
	}
	next := kv.EntryName{}
	for {
		page, err := original.page(next)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return original.finish()
		}
		for _, row := range page {
			if err := original.convert(row); err != nil {
				return err
			}
		}
		last := page[len(page)-1]
		next = kv.EntryName{Group: last.group, Key: last.key + "\x00"}
	}
}

func (original *original) page(from kv.EntryName) ([]originalRow, error) {
	rows, err := original.selectPage.QueryContext(original.ctx, from.Group, from.Key, rowsPerOriginalPage)
	if err != nil {
		return nil, err
	}
	return sqlite.ReadRows(rows, func(row *originalRow) error { return rows.Scan(&row.group, &row.key, &row.value, &row.expiresAt) })
}

func (original *original) convert(row originalRow) error {
	if original.rows == 0 || row.group != original.group.name {
		if err := original.finishGroup(); err != nil {
			return err
		}
		original.beginGroup(row.group)
	}
	namespace, group := original.namespaces[original.group.namespace], &original.group
	bytes := int64(len(group.local) + len(row.key) + len(row.value))
	namespace.Revision++
	namespace.Keys++
	namespace.Bytes += bytes
	group.Keys++
	group.Bytes += bytes
	group.LastRevision = namespace.Revision
	original.rows++
	checksum := kv.ChecksumOf(kv.EntryName{Group: row.group, Key: row.key}, &kv.EntryState{
		Revision: namespace.Revision, UpdatedAt: original.timestamp, ExpiresAt: row.expiresAt.Int64, Value: row.value,
	})
	_, err := original.insertEntry.ExecContext(original.ctx, row.group, row.key, row.value, int64(namespace.Revision), original.timestamp, row.expiresAt, int64(checksum))
	return err
}

func (original *original) beginGroup(name string) {
	namespace, local := kv.NamespaceOf(name)
	original.group = originalGroup{name: name, namespace: namespace, local: local}
	if original.namespaces[namespace] == nil {
		original.namespaces[namespace] = &kv.NamespaceState{}
	}
	original.namespaces[namespace].Groups++
}

func (original *original) finishGroup() error {
	group := &original.group
	if group.Keys == 0 {
		return nil
	}
	_, err := original.insertGroup.ExecContext(original.ctx, group.name, group.Keys, group.Bytes, int64(group.LastRevision))
	return err
}

func (original *original) finish() error {
	if err := original.finishGroup(); err != nil {
		return err
	}
	for name, state := range original.namespaces {
		if _, err := original.insertNamespace.ExecContext(original.ctx, name, int64(state.Revision), state.Keys, state.Groups, state.Bytes); err != nil {
			return err
		}
	}
	return nil
}
