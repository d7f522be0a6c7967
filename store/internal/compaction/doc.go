// SPDX-License-Identifier: EUPL-1.2

// Package compaction moves entries of a journal out of the database into archives, which are files.
// It owns the files: their names, their order of steps, and their removal after a failure. Package
// archivefile has their format, and package journal has their rows in the database.
//
// Any goroutine may call the methods of Compactor, but one Compact or Clear at a time. They work in
// the goroutine of their caller, and reach the store through the narrow interface Host.
package compaction
