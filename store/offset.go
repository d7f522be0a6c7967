// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/state"
)

// keysPerSkip is how many entries are skipped between two batches.
const keysPerSkip = 16 * keysPerPage

// offsetPage is a page of GetPage as far as it was read: skip is how many entries are
// still to be skipped, limit how many the page may have.
type offsetPage struct {
	state.Rest
	skip, limit int
	entries     []KeyValue
}

// readOffsetPage skips and reads as much as may be done between two batches.
func readOffsetPage(committer *engine.Committer, view *state.View, page *offsetPage) error {
	if page.skip > 0 {
		if err := skipSome(committer, view, page); err != nil || page.skip > 0 || page.Ended {
			return err
		}
	}
	missing := min(page.limit-len(page.entries), keysPerPage)
	return page.Read(view, committer.Now(), missing, state.PairsOnly, func(key, value string) {
		page.entries = append(page.entries, KeyValue{Key: key, Value: value})
	})
}

// skipSome skips a share of the entries.
func skipSome(committer *engine.Committer, view *state.View, page *offsetPage) error {
	pending, few := page.Pending(view)
	switch {
	case committer.SomethingIsDue() || page.Deleted(view):
		// Due and deleted entries do not count, and only the row tells.
	case few:
		skipped := min(page.skip, keysPerSkip)
		page.skip -= skipped
		return page.Step(view, pending, skipped)
	case committer.WriteOut(pending):
		return nil // they are to be written at some time: fewer are pending now
	}
	left := min(page.skip, keysPerPage)
	page.skip -= left
	err := page.Read(view, committer.Now(), left, state.KeysOnly, func(string, string) { left-- })
	page.skip += left
	return err
}
