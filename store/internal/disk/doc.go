// SPDX-License-Identifier: EUPL-1.2

// Package disk writes to the database. It has the transactions of the one connection, and the
// checkpoints of the write-ahead log. It tells the operator if the disk refuses work.
//
// A Disk belongs to the owner of the committer. A Fault may be asked by every goroutine.
package disk
