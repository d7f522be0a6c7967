// SPDX-License-Identifier: EUPL-1.2

// Package commands has the writes of a store, as data. Applied to a batch, a command reads and
// changes nothing else. Package store shows the commands of its contract by aliases.
//
// Commands are values: any goroutine may make and keep them. Only the owner of the committer
// applies them. ChangeQuota and Expire have fields for their results, so they are applied by their
// pointers, and read after the commit.
package commands
