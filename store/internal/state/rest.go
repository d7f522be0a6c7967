// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Rest is the unread part of a group: its entries from a key on.
type Rest struct {
	group string
	from  string
	Ended bool
}

// RestOf returns the whole group as unread.
func RestOf(group string) Rest { return Rest{group: group} }

// Read calls take with up to limit entries, in order.
func (rest *Rest) Read(view *View, now time.Time, limit int, columns Columns, take func(key, value string)) error {
	entries := groupRange(rest.group, columns)
	entries.Low.Key = rest.from
	rest.Ended = true
	passed, err := view.Page(entries, now, func(name kv.EntryName, state *kv.EntryState) bool {
		if limit == 0 {
			rest.from, rest.Ended = name.Key, false
			return false
		}
		limit--
		take(name.Key, state.Value)
		return true
	})
	if passed != nil {
		rest.from, rest.Ended = kv.FirstBehind(passed.Key), false
	}
	return err
}

// Deleted reports whether the group was deleted, and may still have rows.
func (rest *Rest) Deleted(view *View) bool { return view.deletions.of(rest.group).Revision != 0 }

// stretchesPerSkip bounds the stretches of stored entries, each between two that
// are pending, which are skipped one by one.
const stretchesPerSkip = 64

// Pending returns the next pending entries, and reports whether these are all, and few enough for
// Step.
func (rest *Rest) Pending(view *View) (entries *Slice, few bool) {
	keys := groupRange(rest.group, KeysOnly)
	keys.Low.Key = rest.from
	waiting := view.pending.within(keys)
	defer waiting.release()
	entries = &Slice{}
	for ; waiting.next != nil && len(entries.entries) < rowsPerSlice; waiting.advance() {
		entries.AddEntry(waiting.next)
	}
	return entries, len(entries.entries) <= stretchesPerSkip
}

// Step skips count entries without reading them. None may be due or deleted. pending are the entries
// of Pending. If there are fewer, the rest has ended.
func (rest *Rest) Step(view *View, pending *Slice, count int) error {
	skip := skipping{view: view, rest: rest, left: count}
	return skip.byStretches(pending.entries)
}

// skipping skips entries of which none is due or deleted.
type skipping struct {
	view *View
	rest *Rest
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
	skip.rest.Ended = !found
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
