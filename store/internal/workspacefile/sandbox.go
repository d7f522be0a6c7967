// SPDX-License-Identifier: EUPL-1.2

package workspacefile

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	sqlitedriver "modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// collector is the function that is given the rows of a query. No query may call it.
const collector = "storebus_collect"

// sandboxLimits are the limits of SQLite for a query.
var sandboxLimits = map[int]int{
	sqlitelib.SQLITE_LIMIT_ATTACHED:            0,
	sqlitelib.SQLITE_LIMIT_COLUMN:              100,
	sqlitelib.SQLITE_LIMIT_COMPOUND_SELECT:     5,
	sqlitelib.SQLITE_LIMIT_EXPR_DEPTH:          100,
	sqlitelib.SQLITE_LIMIT_FUNCTION_ARG:        100,
	sqlitelib.SQLITE_LIMIT_LENGTH:              MaxDataBytes + 4096,
	sqlitelib.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 50,
	sqlitelib.SQLITE_LIMIT_SQL_LENGTH:          2 * MaxQueryTextBytes,
	sqlitelib.SQLITE_LIMIT_TRIGGER_DEPTH:       0,
	sqlitelib.SQLITE_LIMIT_VARIABLE_NUMBER:     0,
	sqlitelib.SQLITE_LIMIT_VDBE_OP:             25_000,
	sqlitelib.SQLITE_LIMIT_WORKER_THREADS:      0,
}

// sandboxFunctions are the functions that a query may call. Their time grows only with the
// length of their arguments, and they tell nothing of the machine. SQLite's instr, replace and
// trim are missing: they can take as long as the product of the lengths, and cannot be
// interrupted.
var sandboxFunctions = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`
		abs avg ceil ceiling char coalesce count cume_dist date datetime dense_rank exp first_value floor format glob
		group_concat hex ifnull iif json json_array json_array_length json_extract json_group_array json_group_object
		json_object json_quote json_type json_valid julianday lag last_value lead length like likely ln log log10 log2
		lower max min mod nth_value ntile nullif octet_length percent_rank pow power printf quote rank round row_number
		sign sqrt string_agg strftime substr substring sum time timediff total trunc typeof unhex unicode unixepoch
		unlikely upper -> ->>`) {
		sandboxFunctions[name] = true
	}
}

// sandboxTables are the tables that a query may read.
var sandboxTables = map[string]bool{"entries": true, "json_each": true, "json_tree": true}

// sandbox is the surroundings of one query: a connection that can only read, which
// gives its rows to the sandbox.
type sandbox struct {
	limit int
	// modules are the virtual tables that there are.
	modules map[string]bool
	// collecting is true while the collector may be called: the query was looked at by
	// itself before.
	collecting bool
	rows       [][]any
	bytes      int
	// refused is why the sandbox has ended the query.
	refused error
}

// open opens the connection. The caller closes both.
func (sandbox *sandbox) open(ctx context.Context, path string) (*sql.DB, *sql.Conn, error) {
	private := &sqlitedriver.Driver{}
	if err := private.RegisterFunction(collector, &sqlitedriver.FunctionImpl{
		NArgs: -1, VolatileArgs: true,
		MakeAggregate: func(sqlitedriver.FunctionContext) (sqlitedriver.AggregateFunction, error) {
			return collection{sandbox}, nil
		},
	}); err != nil {
		return nil, nil, err
	}
	private.RegisterConnectionHook(func(connection sqlitedriver.ExecQuerierContext, _ string) error {
		if err := sandbox.listModules(connection); err != nil {
			return err
		}
		registerer, ok := connection.(sqlitedriver.AuthorizerRegisterer)
		if !ok {
			return fmt.Errorf("driver connection is a %T, which takes no authorizer", connection)
		}
		return registerer.RegisterAuthorizer(sandbox.authorise)
	})
	database := sql.OpenDB(sandboxConnector{driver: private, address: sandboxAddress(path)})
	database.SetMaxOpenConns(1)
	connection, err := database.Conn(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, database.Close())
	}
	for limit, value := range sandboxLimits {
		if _, err := sqlitedriver.Limit(connection, limit, value); err != nil {
			return nil, nil, errors.Join(err, connection.Close(), database.Close())
		}
	}
	return database, connection, nil
}

func (sandbox *sandbox) listModules(connection sqlitedriver.ExecQuerierContext) error {
	sandbox.modules = map[string]bool{}
	rows, err := connection.QueryContext(context.Background(), `SELECT name FROM pragma_module_list`, nil)
	if err != nil {
		return err
	}
	row := make(sqlite.Row, 1)
	for err = rows.Next(row); err == nil; err = rows.Next(row) {
		sandbox.modules[strings.ToLower(row.Text(0))] = true
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// sandboxAddress is the address of a database that is only read.
func sandboxAddress(path string) string {
	return sqlite.FileAddress(path) + "?" + url.Values{
		"mode":        {"ro"},
		"_defensive":  {"1"},
		"_dqs":        {"0"},
		"_query_only": {"1"},
		"_pragma": {
			"busy_timeout(1000)", "trusted_schema(0)", "cell_size_check(1)", "mmap_size(0)", "temp_store(MEMORY)", "cache_size(-2000)",
		},
	}.Encode()
}

// sandboxConnector opens connections of a driver that nothing else uses.
type sandboxConnector struct {
	driver  *sqlitedriver.Driver
	address string
}

func (connector sandboxConnector) Connect(context.Context) (driver.Conn, error) {
	return connector.driver.Open(connector.address)
}

func (connector sandboxConnector) Driver() driver.Driver { return connector.driver }

// authorise allows only the actions that a query needs.
func (sandbox *sandbox) authorise(action sqlitedriver.AuthorizerActionCode, first, second, database, _ string) sqlitedriver.AuthorizerReturnCode {
	allowed := false
	switch action {
	case sqlitedriver.AuthSelect, sqlitedriver.AuthRecursive:
		allowed = true
	case sqlitedriver.AuthRead:
		allowed = sandboxTables[first] && (database == "main" || database == "") || second == "" && !sandbox.exists(first)
	case sqlitedriver.AuthFunction:
		allowed = sandboxFunctions[strings.ToLower(second)] || sandbox.collecting && second == collector
	}
	if allowed {
		return sqlitedriver.AuthorizerOK
	}
	return sqlitedriver.AuthorizerDeny
}

// exists reports whether a name is a real table, and not a name that the query itself defines.
// SQLite asks the authorizer about a name of which no column is read.
func (sandbox *sandbox) exists(table string) bool {
	table = strings.ToLower(table)
	return table == "workspace" || table == "kinds" || table == "requests" || sandbox.modules[table] ||
		strings.HasPrefix(table, "sqlite_") || strings.HasPrefix(table, "pragma_")
}

// columnsOf returns the names of the columns of a query, which must be a statement by
// itself.
func columnsOf(connection *sql.Conn, query string) (names []string, err error) {
	err = connection.Raw(func(driverConnection any) error {
		describer, ok := driverConnection.(interface {
			ColumnInfo(query string) ([]sqlitedriver.ColumnInfo, error)
		})
		if !ok {
			return fmt.Errorf("driver connection is a %T, which describes no columns", driverConnection)
		}
		columns, err := describer.ColumnInfo(query)
		for _, column := range columns {
			names = append(names, column.Name)
		}
		return err
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%w: it is no SELECT", failure.ErrInvalidQuery)
	}
	return names, err
}

// collect runs a query whose columns are known. A line ends behind the query, because a comment may
// end it.
func (sandbox *sandbox) collect(ctx context.Context, connection *sql.Conn, query string, columns int) error {
	names := make([]string, columns)
	for index := range names {
		names[index] = "c" + strconv.Itoa(index)
	}
	list := strings.Join(names, ", ")
	sandbox.collecting = true
	var done any
	return connection.QueryRowContext(ctx, fmt.Sprintf("WITH query(%s) AS (\n%s\n) SELECT %s(%s) FROM (SELECT * FROM query LIMIT %d)",
		list, query, collector, list, sandbox.limit+1)).Scan(&done)
}

// failure separates mistakes of the caller from faults of the store.
func (sandbox *sandbox) failure(err error) error {
	switch code := sqlite.Code(err); {
	case sandbox.refused != nil:
		return sandbox.refused
	case code == sqlitelib.SQLITE_TOOBIG:
		return &failure.TooLargeError{What: "value in the query", Size: sandboxLimits[sqlitelib.SQLITE_LIMIT_LENGTH] + 1, Limit: sandboxLimits[sqlitelib.SQLITE_LIMIT_LENGTH]}
	case slices.Contains([]int{sqlitelib.SQLITE_ERROR, sqlitelib.SQLITE_AUTH, sqlitelib.SQLITE_READONLY, sqlitelib.SQLITE_RANGE, sqlitelib.SQLITE_MISMATCH}, code):
		return fmt.Errorf("%w: %w", failure.ErrInvalidQuery, err)
	default:
		return err
	}
}

// collection is the collector's work in one query.
type collection struct {
	sandbox *sandbox
}

// Step keeps a row.
func (collection collection) Step(_ *sqlitedriver.FunctionContext, values []driver.Value) error {
	sandbox := collection.sandbox
	row := make([]any, len(values))
	for index, value := range values {
		switch value := value.(type) {
		case string:
			sandbox.bytes += len(value)
			row[index] = strings.Clone(value)
		case []byte:
			sandbox.bytes += len(value)
			row[index] = append([]byte{}, value...)
		default:
			sandbox.bytes += 8
			row[index] = value
		}
	}
	sandbox.rows = append(sandbox.rows, row)
	if sandbox.bytes > MaxQueryBytes {
		sandbox.refused = &failure.TooLargeError{What: "result of the query", Size: sandbox.bytes, Limit: MaxQueryBytes}
		return sandbox.refused
	}
	return nil
}

// WindowInverse is not called: the collector is no window function.
func (collection) WindowInverse(*sqlitedriver.FunctionContext, []driver.Value) error { return nil }

// WindowValue gives nothing: the rows are in the sandbox.
func (collection) WindowValue(*sqlitedriver.FunctionContext) (driver.Value, error) {
	return int64(0), nil
}

// Final has nothing to give back.
func (collection) Final(*sqlitedriver.FunctionContext) {}
