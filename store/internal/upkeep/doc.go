// SPDX-License-Identifier: EUPL-1.2

// Package upkeep does what can wait for a time between two commits, in slices: it brings the tables
// up to the log, trims the log, forgets old answers, and keeps the store's time.
//
// All of it belongs to the owner of the committer. It knows neither the committer nor its callers.
package upkeep
