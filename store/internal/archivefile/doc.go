// SPDX-License-Identifier: EUPL-1.2

// Package archivefile writes and verifies archives of the journal: files of JSON lines, in
// gzip or Zstandard. It knows neither the database nor which entries go into an archive.
// A File belongs to one goroutine. Verify trusts nothing that it reads.
package archivefile
