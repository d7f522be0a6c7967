// SPDX-License-Identifier: EUPL-1.2

// Package watermarks has the table of the registered consumers. For each it keeps the watermark:
// how far the consumer has acknowledged the log. The log is kept for the slowest of them.
//
// The table belongs to the owner of the committer. The commands are applied by that owner too.
package watermarks
