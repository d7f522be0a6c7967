// SPDX-License-Identifier: EUPL-1.2

// Package changelog has the records of a store, the changes in them, and the interface of the log
// that keeps them. A record is everything that one commit makes durable: the changes of entries,
// and a section for each other table. The package owns the encoding and the chain of hashes. It
// does no input or output.
//
// A batch builds a NamespaceChanges and new events, and nobody else sees them until the batch is
// committed. All other values are for every goroutine, and nobody changes them, except that
// SetAwaited comes before the first reader. Event and Commit
// belong to the contract of the store. Some of their fields do not. The packages of the store
// reach those by functions, such as Counters and PositionOf.
package changelog
