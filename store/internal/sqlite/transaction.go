// SPDX-License-Identifier: EUPL-1.2

package sqlite

import "database/sql/driver"

// Transaction executes the statements of one transaction. After the first error it executes
// nothing: a statement that fails may have ended the transaction, and the next one would be
// committed alone. It belongs to the goroutine of its session.
type Transaction struct{ err error }

// Execute runs a statement to its end, unless an error has come before.
func (transaction *Transaction) Execute(statement *Statement, values ...driver.Value) {
	if transaction.err == nil {
		transaction.err = statement.execute(values...)
	}
}

// Fail ends the transaction with an error, unless one has come before. A nil error changes
// nothing.
func (transaction *Transaction) Fail(err error) {
	if transaction.err == nil {
		transaction.err = err
	}
}

// Err returns the first error.
func (transaction *Transaction) Err() error { return transaction.err }

// Control is a statement that begins or ends transactions.
type Control struct{ statement *Statement }

// PrepareControl is Prepare for a statement that begins or ends transactions.
func (session *Session) PrepareControl(text string) Control { return Control{session.Prepare(text)} }

// Execute runs the statement.
func (control Control) Execute() error { return control.statement.execute() }

// Replace is Statement.Replace.
func (control Control) Replace(executor driver.StmtExecContext) driver.StmtExecContext {
	return control.statement.Replace(executor)
}

// Replace has another executor run the statement, and returns the one before. It is for tests of
// faults.
func (statement *Statement) Replace(executor driver.StmtExecContext) (before driver.StmtExecContext) {
	before, statement.executor = statement.executor, executor
	return before
}
