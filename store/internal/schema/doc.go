// SPDX-License-Identifier: EUPL-1.2

// Package schema brings the tables of a database up to date: the migrations, and the takeover
// of a database of the original library. It runs once, while a database is opened, on the
// goroutine that opens it.
package schema
