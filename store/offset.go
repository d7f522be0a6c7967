// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// keysPerSkip is how many entries are skipped between two batches.
	keysPerSkip = 16 * keysPerPage
	// stretchesPerSkip bounds the stretches of stored entries, each between two that
	// are pending, which are skipped one by one.
	stretchesPerSkip = 64
)

// GetPage returns at most limit entries of a group in byte order of the keys, after skipping
// offset entries. Skipped entries are counted and not read. Still, a larger offset takes
// longer: use All to iterate over a group.
//
//	page, err := store.GetPage("config", 0, 25)
func (store *Store) GetPage(group string, offset, limit int) ([]KeyValue, error) {
	if err := cmp.Or(store.unusable(), checkPage(offset, limit)); err != nil {
		return nil, operationError("store.GetPage", group, "", err)
	}
	page := offsetPage{rest: restOf(group), skip: offset, limit: limit, entries: make([]KeyValue, 0, min(limit, keysPerPage))}
	for !page.complete() {
		_, err := look(store, func(view *view) (struct{}, error) { return struct{}{}, store.committer.readOffsetPage(view, &page) })
		if err != nil {
			return nil, operationError("store.GetPage", group, "", err)
		}
	}
	return page.entries, nil
}

// offsetPage is a page of GetPage as far as it was read: skip is how many entries are
// still to be skipped, limit how many the page may have.
type offsetPage struct {
	rest
	skip, limit int
	entries     []KeyValue
}

func (page *offsetPage) complete() bool { return page.ended || len(page.entries) == page.limit }

// readOffsetPage skips and reads as much as may be done between two batches.
func (committer *committer) readOffsetPage(view *view, page *offsetPage) error {
	if page.skip > 0 {
		if err := committer.skipSome(view, page); err != nil || page.skip > 0 || page.ended {
			return err
		}
	}
	missing := min(page.limit-len(page.entries), keysPerPage)
	return page.read(view, committer.clock.Now(), missing, pairsOnly, func(key, value string) {
		page.entries = append(page.entries, KeyValue{Key: key, Value: value})
	})
}

// skipSome skips a share of the entries.
func (committer *committer) skipSome(view *view, page *offsetPage) error {
	skip := skipping{view: view, rest: &page.rest}
	few := skip.fewPending()
	switch {
	case committer.somethingIsDue() || view.deletions.of(page.group).Revision != 0:
		// Due and deleted entries do not count, and only the row tells.
	case few:
		skip.left = min(page.skip, keysPerSkip)
		page.skip -= skip.left
		return skip.byStretches()
	case committer.config.Durability == DurabilityMemory && committer.writeOut(skip.pending) == nil:
		return nil // they are to be written at some time: fewer are pending now
	}
	skip.left = min(page.skip, keysPerPage)
	page.skip -= skip.left
	err := page.read(view, committer.clock.Now(), skip.left, keysOnly, func(string, string) { skip.left-- })
	page.skip += skip.left
	return err
}

// writeOut writes entries that are pending.
func (committer *committer) writeOut(entries []*kv.EntryVersion) error {
	slice := &slice{entries: entries}
	err := committer.unsynced(func() error { return committer.materialiser.write(slice) })
	if err == nil {
		committer.written(slice)
	}
	return err
}

// skipping skips entries of which none is due or deleted.
type skipping struct {
	view *view
	rest *rest
	// left is how many are still to be skipped.
	left    int
	pending []*kv.EntryVersion
}

// fewPending finds the pending entries that may be among those to be skipped, and
// reports whether they are few.
func (skip *skipping) fewPending() bool {
	entries := groupRange(skip.rest.group, keysOnly)
	entries.low.Key = skip.rest.from
	waiting := skip.view.pending.within(entries)
	defer waiting.release()
	for ; waiting.next != nil && len(skip.pending) < rowsPerSlice; waiting.advance() {
		skip.pending = append(skip.pending, waiting.next)
	}
	return len(skip.pending) <= stretchesPerSkip
}

// byStretches has SQLite step over the stored entries up to the next pending one, and
// so on. The pending ones count for themselves, and for the stored ones of their names.
func (skip *skipping) byStretches() error {
	for _, entry := range skip.pending {
		found, err := skip.stretchBefore(entry.Key)
		if err != nil || found {
			return err
		}
		switch {
		case !entry.Present():
		case skip.left == 0:
			skip.rest.from = entry.Key
			return nil
		default:
			skip.left--
		}
		skip.rest.from = kv.FirstBehind(entry.Key)
	}
	found, err := skip.stored(aboveAllText)
	skip.rest.ended = !found
	return err
}

// stretchBefore skips the stored entries before a key, and reports whether the one to
// go on from is among them.
func (skip *skipping) stretchBefore(key string) (found bool, err error) {
	rows, _, err := skip.view.countRows.Integer(skip.rest.group, skip.rest.from, key, int64(skip.left+1))
	if err != nil {
		return false, err
	}
	if rows > int64(skip.left) {
		return skip.stored(key)
	}
	skip.left -= int(rows)
	return false, nil
}

// stored goes to the stored entry before high, behind as many as are left, and reports
// whether there is one.
func (skip *skipping) stored(high any) (found bool, err error) {
	err = skip.view.selectKeyAt.Query(func(row sqlite.Row) bool {
		skip.rest.from, found = row.Text(0), true
		return false
	}, skip.rest.group, skip.rest.from, high, int64(skip.left))
	return found, err
}
