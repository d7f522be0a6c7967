// SPDX-License-Identifier: EUPL-1.2

package upkeep

import (
	"cmp"
	"fmt"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/watermarks"
)

// Trimming removes old changes from the log.
type Trimming struct {
	config     Config
	rows       *Rows
	watermarks *watermarks.Table
}

// NewTrimming returns the trimming of a log whose commits stay until rows have them.
func NewTrimming(config Config, rows *Rows) *Trimming {
	return &Trimming{config: config, rows: rows, watermarks: watermarks.Of(config.Tables)}
}

// Trim removes a slice of the log if a bound of the retention is passed. It reports whether there is
// more to trim. The newest commit stays, and commits that a registered consumer has not acknowledged.
func (trimming *Trimming) Trim() (more bool) {
	trimmed, err := trimming.trimSlice()
	trimming.config.Disk.Tried(workTrimming, err)
	return err == nil && trimmed
}

// IsDue reports whether a slice may go. It looks at numbers in memory only. Age is looked at when
// house is kept.
func (trimming *Trimming) IsDue() bool {
	return trimming.config.Log.IsOver(trimming.config.Retention, trimming.limit())
}

// trimSlice removes a slice of the log; trimmed is false if none may go.
func (trimming *Trimming) trimSlice() (trimmed bool, err error) {
	slice, err := trimming.config.Log.Trimmable(trimming.config.Retention, trimming.config.Clock.Now(), trimming.limit())
	if err != nil || slice.IsEmpty() {
		return false, err
	}
	emptied, err := trimming.emptiedGroups(slice.Events)
	if err != nil {
		return false, err
	}
	err = trimming.config.Disk.Unsynced(func(transaction *sqlite.Transaction) {
		trimming.config.Log.Remove(transaction, &slice)
		trimming.rows.materialiser.DeleteGroups(transaction, emptied)
	})
	if err != nil {
		return false, err
	}
	err = trimming.config.Log.Removed(&slice)
	trimming.config.View.ForgetGroups(emptied)
	for namespace, oldest := range slice.Oldest {
		trimming.config.View.Trimmed(namespace, oldest)
		trimming.config.Trimmed(namespace, oldest)
	}
	return true, cmp.Or(err, trimming.trimmedLost(slice.Lost))
}

// trimmedLost records the new beginning of the log for namespaces whose changes a damaged
// commit has lost.
func (trimming *Trimming) trimmedLost(namespaces []string) error {
	for _, namespace := range namespaces {
		state, err := trimming.config.View.Reread(namespace)
		if err == nil {
			err = trimming.config.Log.Reread(namespace, trimming.config.View.RevisionOfNamespace)
		}
		if err != nil {
			return err
		}
		trimming.config.Trimmed(namespace, state.Oldest)
	}
	return nil
}

// limit is the last commit that may be trimmed. Commits that the tables do not hold yet stay, and
// commits that a registered consumer has not acknowledged.
func (trimming *Trimming) limit() uint64 {
	return min(trimming.rows.materialiser.Through(), trimming.Slowest().CommitID)
}

// Slowest is the watermark of the slowest consumer.
func (trimming *Trimming) Slowest() changelog.Position {
	return trimming.watermarks.Slowest(trimming.config.Log.Position())
}

// emptiedGroups returns the groups without keys whose last change is among events.
func (trimming *Trimming) emptiedGroups(events []changelog.Event) (groups []string, err error) {
	for index := range events {
		event := &events[index]
		if event.Type == changelog.EventSet || event.Type == changelog.EventTouch {
			continue
		}
		state, err := trimming.config.View.Group(event.Group)
		if err != nil {
			return nil, err
		}
		if state.Keys == 0 && state.LastRevision == event.Revision {
			groups = append(groups, event.Group)
		}
	}
	return groups, nil
}

// Refusal returns why writes are refused while a consumer lags by twice the retention, nil if none
// does. Otherwise the consumer would have a silent gap.
func (trimming *Trimming) Refusal() error {
	backlog, retention := trimming.Backlog(), &trimming.config.Retention
	if backlog.Changes/2 < retention.Count && backlog.Bytes/2 < retention.Bytes {
		return nil
	}
	// The text has no number, because it reaches tenants, who must learn nothing of each other.
	return fmt.Errorf("%w: too many changes wait to be taken by those who follow the log", failure.ErrUnavailable)
}

// Backlog is the part of the log that the slowest consumer has not acknowledged.
func (trimming *Trimming) Backlog() changelog.Totals {
	return trimming.config.Log.Position().End.Since(trimming.Slowest().End)
}

// RemoveSections removes a slice of the oldest sections, and reports whether there is more.
func (trimming *Trimming) RemoveSections() (more bool) {
	through, err := trimming.config.Log.OldestSections()
	if err == nil {
		err = trimming.config.Records.Trim(through)
	}
	if err == nil {
		err = trimming.config.Log.Trim(through) // the log that decides can be another one
	}
	trimming.config.Disk.Tried(workSections, err)
	return err == nil && trimming.config.Log.SectionsAreMany()
}
