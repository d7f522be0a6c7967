// SPDX-License-Identifier: EUPL-1.2

package follow

import (
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
)

// Query asks for the changes of a namespace after a revision.
//
//	store.ChangesQuery{Namespace: "acme", After: 41, Limit: 100, Wait: 30 * time.Second}
type Query struct {
	// Namespace may be empty: the groups outside every namespace.
	Namespace string
	// Group, if not nil, is the only group wanted, by its name within the namespace.
	Group *string
	// After is the last revision before the page; 0 is the beginning of the log.
	After uint64
	// Limit is the largest number of events; 0 is store.DefaultPageLimit.
	Limit int
	// Wait is the time to wait for a change if there is none; 0 does not wait.
	Wait time.Duration
	// Fits, if not nil, is called for each event in order. The page ends before the first event
	// that does not fit, but has at least one event. Fits must be quick and must not call the
	// store.
	Fits func(*changelog.Event) bool
}

// Page is one page of the log.
type Page struct {
	Events []changelog.Event
	// Next is the last revision of the page: the After of the next query.
	Next uint64
	// Oldest is the lowest revision that can be read, Revision + 1 if there is none.
	Oldest uint64
	// Revision is the current revision of the namespace.
	Revision uint64
}

// NewPage begins the page of a query. The log of the namespace has the revisions from oldest to
// revision. NewPage returns CompactedError for a query from outside the log.
func NewPage(query *Query, oldest, revision uint64) (Page, error) {
	page := Page{Next: query.After, Oldest: oldest, Revision: revision}
	if query.After > revision || query.After+1 < oldest {
		return page, &failure.CompactedError{Namespace: query.Namespace, After: query.After, Oldest: oldest, Revision: revision}
	}
	return page, nil
}

// TakeChanges adds the changes of a commit to the page of a query. It reports whether there is
// room for more. It returns ErrDamaged if the changes are damaged, or do not come next.
func TakeChanges(page *Page, query *Query, blob []byte, committedAt time.Time) (more bool, err error) {
	full, gap := false, false
	err = changelog.ReadChanges(blob, committedAt, func(namespace changelog.NamespaceChanges) func(*changelog.Event) bool {
		if namespace.Namespace != query.Namespace {
			return nil
		}
		return func(event *changelog.Event) bool {
			if event.Revision <= query.After {
				return true
			}
			gap = event.Revision != page.Next+1
			full = gap || !page.take(query, event)
			return !full
		}
	})
	if gap {
		err = changelog.ErrDamaged
	}
	return !full, err
}

// take adds an event, which must be the next in the log. It returns false if the page is full.
func (page *Page) take(query *Query, event *changelog.Event) bool {
	wanted := query.Group == nil || event.LocalGroup() == *query.Group
	switch {
	case !wanted && len(page.Events) >= query.Limit:
		return false
	case wanted && !query.holds(len(page.Events), event):
		return false
	case wanted:
		page.Events = append(page.Events, *event)
	}
	page.Next = event.Revision
	return true
}

// holds reports whether a page with so many events holds this one too.
func (query *Query) holds(taken int, event *changelog.Event) bool {
	if taken >= query.Limit {
		return false
	}
	return query.Fits == nil || query.Fits(event) || taken == 0
}
