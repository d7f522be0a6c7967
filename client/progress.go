// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"fmt"

	"dappco.re/go/storebus/subjects"
)

// verdict classifies an event for a watch.
type verdict int

const (
	// verdictRepeat is an event that was given already, or that comes before the
	// beginning of the watch.
	verdictRepeat verdict = iota
	// verdictNext is the change that follows the last change given.
	verdictNext
	// verdictGap is an event that shows that a change is missing.
	verdictGap
)

// progress is the position of a watch: every change up to last has been given.
type progress struct {
	// known is false until a watch without WatchOptions.After has learnt its first
	// revision.
	known bool
	last  uint64
	// store is the id of the store that last is a revision of, empty before the first
	// answer.
	store string
	// grouped says that the watch leaves other groups out, so that its revisions have
	// gaps.
	grouped bool
}

func newProgress(options WatchOptions) progress {
	start := progress{store: options.Store, grouped: options.Group != ""}
	if options.After != nil {
		start.known, start.last = true, *options.After
	}
	return start
}

// judge classifies an event. Only the log can tell to which history an event of an
// unknown store belongs, so such an event counts as a gap.
func (progress *progress) judge(change Change) verdict {
	switch {
	case !progress.known:
		return verdictRepeat
	case change.Store != progress.store:
		return verdictGap
	case change.Revision <= progress.last:
		return verdictRepeat
	case change.Revision == progress.last+1 || progress.follows(change):
		return verdictNext
	}
	return verdictGap
}

// follows reports whether no change of the group lies between the last change given and
// this one. A previous of 0 does not prove it: the change before may have been missed,
// and may be gone from the log.
func (progress *progress) follows(change Change) bool {
	return progress.grouped && change.Previous != 0 && change.Previous <= progress.last
}

// advance notes that every change up to a revision has been given.
func (progress *progress) advance(revision uint64) {
	progress.last = max(progress.last, revision)
}

// check records the store of a page, and reports whether there are more pages. If the page
// is of another store, it returns subjects.ErrCompacted, as the sidecar would. A page that
// leads nowhere is malformed.
func (progress *progress) check(page ChangesPage) (more bool, err error) {
	if progress.store != "" && page.Store != progress.store {
		return false, named("Watch", progress.replaced(page))
	}
	if progress.known && page.Next <= progress.last && page.Next < page.Revision {
		return false, named("Watch", fmt.Errorf("%w: the page after revision %d leads to %d, of %d",
			errMalformed, progress.last, page.Next, page.Revision))
	}
	progress.known, progress.store = true, page.Store
	return page.Next < page.Revision, nil
}

func (progress *progress) replaced(page ChangesPage) error {
	refusal := subjects.ErrCompacted.New(fmt.Sprintf("store %s answers, not %s whose changes were watched up to revision %d",
		page.Store, progress.store, progress.last))
	refusal.Oldest, refusal.Revision, refusal.Store = &page.Oldest, &page.Revision, page.Store
	return refusal
}
