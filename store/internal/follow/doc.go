// SPDX-License-Identifier: EUPL-1.2

// Package follow has the newest part of a store's log in memory, and everybody who follows the
// log: queries for changes that wait for the next one, consumers with a watermark, the channels of
// Watch, and the callbacks of OnChange. What memory no longer holds, it reads through a Source.
// The package knows neither SQLite nor the entries of the store.
//
// Only the owner of the committer calls Announce, Trimmed and EndReaders, and none of them waits
// for a follower. It also calls NewPage and TakeChanges, for a page that it does not share yet.
// Run is a goroutine of its own. All other methods of Followers are for every goroutine. A
// Consumer belongs to one goroutine, except that Watermark and EndConsumer are for the owner of
// the committer. Commits and events are shared, and nobody changes them.
package follow
