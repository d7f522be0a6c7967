// SPDX-License-Identifier: EUPL-1.2

// Package watermarks has the table of the registered consumers. The watermark of a consumer is the
// last commit that it has acknowledged. The log is kept for the slowest of them.
//
// The table belongs to the owner of the committer. The commands are applied by that owner too.
package watermarks
