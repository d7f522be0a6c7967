// SPDX-License-Identifier: EUPL-1.2

// Package damage remembers the entries that are not as they were written, until they are repaired.
//
// It belongs to the owner of the committer.
package damage
