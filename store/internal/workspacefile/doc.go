// SPDX-License-Identifier: EUPL-1.2

// Package workspacefile has the files of workspaces and the folders that hold them. It owns the
// schema of a file, its entries, the answers that it remembers, its takeover from the original
// library, and the sandbox in which a query reads it. It owns the locks of the folders, too.
//
// It knows neither the store nor the workspaces of other files. It bounds nothing but the size and
// the time of one call, and decides about no run: package workspace does.
//
// A File and a Name never change: any goroutine may use them. One goroutine at a time uses a
// Database, or creates or removes a file. A query may run beside a write. A Folder is used under a
// lock of its owner.
package workspacefile
