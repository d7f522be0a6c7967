// SPDX-License-Identifier: EUPL-1.2

// Package changelog has the records of a store and the interface of the log that keeps them. A
// record is everything that one commit makes durable: the changes of entries, and a section for
// each other table. The package owns the encoding and the chain of hashes. It does no input or
// output, and its values are for every goroutine that does not change them.
package changelog
