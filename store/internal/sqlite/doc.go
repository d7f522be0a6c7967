// SPDX-License-Identifier: EUPL-1.2

// Package sqlite is the connection to one SQLite file: its locks, the places of its files, its
// settings, prepared statements, and the meaning of SQLite's result codes. It knows no table.
//
// A Database has exactly one connection. The connection, its Session and its Statements
// belong to one goroutine at a time. A Lock keeps other processes out.
package sqlite
