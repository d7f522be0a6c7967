// SPDX-License-Identifier: EUPL-1.2

// Package upkeep has the work that can wait for a time between two commits. In slices it brings the
// tables up to the log, trims the log, and forgets old answers. It also saves the store's time.
//
// All of its values belong to the owner of the committer. The package knows neither the committer
// nor its callers.
package upkeep
