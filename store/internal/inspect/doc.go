// SPDX-License-Identifier: EUPL-1.2

// Package inspect counts again what a database says of itself: whether the log is whole, whether the
// tables say what the log says, and whether the counters are right. It only reads, and belongs to
// the goroutine that calls it. No store may have the database open.
package inspect
