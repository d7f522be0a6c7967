// SPDX-License-Identifier: EUPL-1.2

// Package workspacefile has the files of workspaces and the folders that hold them. It owns all SQL
// over such a file: its schema, its entries, and the answers that it remembers. It owns the takeover
// of files of the original library, and the sandbox in which a query reads a file. It owns the locks
// of the folders, too.
//
// It knows one file at a time. It decides neither who uses the file, nor when a run ends: package
// workspace does.
//
// A File and a Name never change, so any goroutine may use them. One goroutine at a time creates a
// file, removes it, or uses a Database. Queries of a file may run beside that. One goroutine at a
// time uses a Folder.
package workspacefile
