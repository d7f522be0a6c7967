// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql/driver"
	"reflect"

	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// OnStatement has function carry out each prepared statement of a store that changes something
// from now on, or fail to. It is given the name of the statement and the real execution. The
// statement "commit" is the COMMIT.
func OnStatement(store *Store, function func(name string, execute func() error) error) error {
	return onCommitter(store, func(committer *engine.Committer) error {
		statements := map[*sqlite.Statement]string{}
		collectStatements(reflect.ValueOf(committer), "", map[uintptr]bool{}, statements)
		for statement, name := range statements {
			replaced := &replacedStatement{name: name, function: function}
			replaced.StmtExecContext = statement.Replace(replaced)
		}
		return nil
	})
}

// replacedStatement is a statement that a test has got hold of.
type replacedStatement struct {
	driver.StmtExecContext
	name     string
	function func(name string, execute func() error) error
}

// ExecContext asks the test.
func (replaced *replacedStatement) ExecContext(ctx context.Context, arguments []driver.NamedValue) (result driver.Result, err error) {
	return result, replaced.function(replaced.name, func() error {
		result, err = replaced.StmtExecContext.ExecContext(ctx, arguments)
		return err
	})
}

// collectStatements finds the statements that a value reaches, by the names of their fields.
func collectStatements(value reflect.Value, name string, seen map[uintptr]bool, found map[*sqlite.Statement]string) {
	switch value.Kind() {
	case reflect.Pointer:
		if value.IsNil() || seen[value.Pointer()] {
			return
		}
		seen[value.Pointer()] = true
		if value.Type() == reflect.TypeFor[*sqlite.Statement]() {
			found[(*sqlite.Statement)(value.UnsafePointer())] = name
			return
		}
		collectStatements(value.Elem(), name, seen, found)
	case reflect.Interface:
		if !value.IsNil() {
			collectStatements(value.Elem(), name, seen, found)
		}
	case reflect.Struct:
		for index := range value.NumField() {
			field := value.Type().Field(index)
			inner := field.Name
			if inner == "statement" {
				inner = name
			}
			if field.Type.Kind() != reflect.Struct || field.Type.PkgPath() != "time" {
				collectStatements(value.Field(index), inner, seen, found)
			}
		}
	case reflect.Array, reflect.Slice:
		if element := value.Type().Elem().Kind(); element != reflect.Interface && element != reflect.Struct && element != reflect.Pointer {
			return
		}
		for index := range value.Len() {
			collectStatements(value.Index(index), name, seen, found)
		}
	default:
	}
}
