// SPDX-License-Identifier: EUPL-1.2

package follow

import (
	"log/slog"

	"dappco.re/go/storebus/store/internal/changelog"
)

// Source is the log in the database. It has the commits that have left memory.
type Source interface {
	// Changes has a query answered between two commits. It calls answered there. The function
	// that answered returns is called later, from another goroutine. If the store is closed,
	// Changes calls failed and nothing else.
	Changes(query *Query, answered func(page Page, err error) (then func()), failed func(err error))
	// CommitsAfter waits until some commits behind an id are read. It returns none at the end.
	CommitsAfter(id uint64) ([]changelog.Commit, error)
}

// Followers has the newest part of a log and everybody who follows the log.
type Followers struct {
	source Source
	// stopped is closed when the store begins to close.
	stopped   <-chan struct{}
	tail      *tail
	wakeups   *wakeups
	watchers  *watchers
	callbacks *callbacks
}

// New returns the followers of a log whose newest commit is lastID. They end when stopped is
// closed.
func New(source Source, lastID uint64, stopped <-chan struct{}, logger *slog.Logger) *Followers {
	tail := newTail(lastID)
	followers := &Followers{source: source, stopped: stopped, tail: tail, wakeups: newWakeups(tail), watchers: newWatchers(tail)}
	followers.callbacks = newCallbacks(followers, logger)
	return followers
}

// Run answers readers that have waited for a change, until EndReaders is called.
func (followers *Followers) Run() { followers.wakeups.run() }

// Announce tells all followers of a commit that is on disk. oldest returns the lowest revision of
// a namespace in the log. Announce waits for nobody.
func (followers *Followers) Announce(commit changelog.Commit, oldest func(namespace string) uint64) {
	woken := followers.tail.append(commit, oldest)
	followers.watchers.notify(commit)
	followers.wakeups.put(woken)
}

// Trimmed says that the log of a namespace now begins at a revision.
func (followers *Followers) Trimmed(namespace string, oldest uint64) {
	followers.tail.trimmed(namespace, oldest)
}

// EndReaders answers every reader that waits with ErrClosed. Nothing is announced any more.
func (followers *Followers) EndReaders() {
	followers.wakeups.put(followers.tail.close())
	followers.wakeups.close()
}

// Keep sets how many bytes of the log stay in memory. Without a call it is Bytes.
func (followers *Followers) Keep(bytes int) { followers.tail.keep(bytes) }

// Waiting returns how many readers wait for a change, or are woken and not answered yet.
func (followers *Followers) Waiting() int { return followers.tail.waitingReaders() }
