// SPDX-License-Identifier: EUPL-1.2

// Package store is the store of storebus, and a key-value store for Go programs. It keeps
// entries in groups, in one SQLite file behind one connection. It has expiry, a log of every
// change, and readers that follow the log.
//
//	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: "storebus.db"})
//	defer opened.Close()
//	err = opened.Set("config", "theme", "dark")
//	value, err := opened.Get("config", "theme")
//
// A write that returns without an error is on disk. Groups, keys and values are any bytes. A
// group named "acme:config" is the group "config" of the namespace acme. The changes of a
// namespace have dense revisions of their own.
//
// This is the path of a write. A Command goes to the committer (internal/engine). The committer
// applies all waiting commands (internal/commands) to a batch (internal/batch). It commits once,
// with the batch's part of the log (internal/sqlitelog). Then the newest part of the log in memory
// (internal/follow) tells consumers, watchers and the readers that wait for a change of its groups.
// The tables follow the log: package internal/state keeps pending changes, and package
// internal/upkeep has them written in slices. The outcomes go to a sink, a batch at a time. Reads go
// through the view of package internal/state, except for hot entries in memory. Beside schema, which
// upgrades databases, no other package knows the tables entries, groups and namespaces.
package store
