// SPDX-License-Identifier: EUPL-1.2

// Package backup copies the database of a store while it is used, and gives a copy that becomes a
// store an id of its own. It owns the file until the file has its name.
//
// Make runs on any goroutine, once at a time. It reaches the connection only through its Host,
// between two batches. Adopt runs while a database is opened.
package backup
