// SPDX-License-Identifier: EUPL-1.2

// Package mark keeps, in a small file beside a database, how far the store has come. Without it
// nobody can tell an older copy of a database, or one without its write-ahead log, from the
// database itself. The package knows no database.
//
// A Writer belongs to one store. Any goroutine may call Note.
package mark
