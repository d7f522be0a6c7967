// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// rest is the unread part of a group: its entries from a key on.
type rest struct {
	group string
	from  string
	ended bool
}

// restOf returns all of a group.
func restOf(group string) rest { return rest{group: group} }

// read takes up to limit entries. take is called while the caller of the store waits.
func (rest *rest) read(view *view, now time.Time, limit int, columns columns, take func(key, value string)) error {
	entries := groupRange(rest.group, columns)
	entries.low.Key = rest.from
	rest.ended = true
	passed, err := view.page(entries, now, func(name kv.EntryName, state *kv.EntryState) bool {
		if limit == 0 {
			rest.from, rest.ended = name.Key, false
			return false
		}
		limit--
		take(name.Key, state.Value)
		return true
	})
	if passed != nil {
		rest.from, rest.ended = kv.FirstBehind(passed.Key), false
	}
	return err
}

// deleted reports whether the group was deleted, and may still have rows.
func (rest *rest) deleted(view *view) bool { return view.deletions.of(rest.group).Revision != 0 }

// stretchesPerSkip bounds the stretches of stored entries, each between two that
// are pending, which are skipped one by one.
const stretchesPerSkip = 64

// pending returns the next pending entries, and reports whether these are all, and few enough for
// step.
func (rest *rest) pending(view *view) (entries *slice, few bool) {
	keys := groupRange(rest.group, keysOnly)
	keys.low.Key = rest.from
	waiting := view.pending.within(keys)
	defer waiting.release()
	entries = &slice{}
	for ; waiting.next != nil && len(entries.entries) < rowsPerSlice; waiting.advance() {
		entries.addEntry(waiting.next)
	}
	return entries, len(entries.entries) <= stretchesPerSkip
}

// step skips count entries, of which none may be due or deleted. pending are all pending ones. The
// rest has ended if there are fewer.
func (rest *rest) step(view *view, pending *slice, count int) error {
	skip := skipping{view: view, rest: rest, left: count}
	return skip.byStretches(pending.entries)
}

// skipping skips entries of which none is due or deleted.
type skipping struct {
	view *view
	rest *rest
	// left is how many are still to be skipped.
	left int
}

// byStretches has SQLite step over the stored entries up to the next pending one, and
// so on. The pending ones count for themselves, and for the stored ones of their names.
func (skip *skipping) byStretches(pending []*kv.EntryVersion) error {
	for _, entry := range pending {
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
