// SPDX-License-Identifier: EUPL-1.2

// Package disk writes to the database: it has the transactions of the one connection, the
// checkpoints of the write-ahead log, and the lines in the log of the operator when the disk
// refuses work.
//
// A Disk belongs to the owner of the committer. A Fault may be asked by every goroutine.
package disk
