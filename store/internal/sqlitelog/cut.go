// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"cmp"
	"slices"
	"time"

	"github.com/tidwall/btree"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The bounds of trimming between two batches. One large commit may be larger.
const (
	changesPerTrim  = 4096
	sectionsPerTrim = 1024
	rowsPerTrim     = 64
	bytesPerTrim    = 4 << 20
	blockedPerTrim  = 1024
)

// The first and the largest number of places that are read of a namespace at once.
const (
	placesAtFirst = 3
	placesAtMost  = 48
	placesGrowth  = 4
)

// A bound that is passed is trimmed a little below, so that not every commit is trimmed for. A row is
// written anew if so much of it is gone.
const (
	slackOfBound = 1024
	slackOfLimit = 64
	goneOfRow    = 4
)

// place is a row of namespace_commits, with the size of its row of commits.
type place struct {
	namespace            string
	first, commit        uint64
	bytes, bytesLogged   uint64
	rowBytes, rowThinned uint64
}

// cutRow is a row of commits that a cut changes.
type cutRow struct {
	id uint64
	// bytes is the size of the row. gone is how many of them are gone, and before were it already.
	bytes, gone, before uint64
	// written tells that the row is written anew or removed: thinned is its new blob, empty if
	// nothing is left. lost tells that the row is damaged and goes, with all places in it.
	written, lost bool
	thinned       []byte
}

// cut is a slice of the log in the making. It changes the holdings as it goes, and undoes that at its
// end.
type cut struct {
	log *changeLog
	// last is the last commit that may be cut.
	last   uint64
	before map[*holding]share
	// ahead are the oldest places of a namespace that are still there, read how many it was asked for.
	ahead map[*holding][]place
	read  map[*holding]int
	rows  map[uint64]*cutRow
	// places are the places that go.
	places []place
	// changes is the number of changes that go. written is the number of rows to write anew,
	// writtenBytes their size, and freed about how much smaller they become.
	changes             uint64
	written             int
	writtenBytes, freed uint64
	// events are the changes that go from the rows that are written anew.
	events []changelog.Event
}

func newCut(log *changeLog, last uint64) *cut {
	return &cut{log: log, last: last, before: map[*holding]share{}, ahead: map[*holding][]place{}, read: map[*holding]int{}, rows: map[uint64]*cutRow{}}
}

// isFull reports whether the cut takes no further section.
func (cut *cut) isFull() bool {
	return cut.changes >= changesPerTrim || len(cut.places) >= sectionsPerTrim || cut.written >= rowsPerTrim || cut.writtenBytes >= bytesPerTrim
}

// byAge cuts the commits that are older than the retention allows.
func (cut *cut) byAge(age time.Duration, now time.Time) error {
	var old []uint64
	err := cut.log.selectTimes.Query(func(row sqlite.Row) bool {
		isOld := row.Unsigned(0) <= cut.last && now.Sub(time.Unix(0, row.Signed(1))) > age
		if isOld {
			old = append(old, row.Unsigned(0))
		}
		return isOld
	}, int64(rowsPerTrim))
	for index := 0; index < len(old) && err == nil && !cut.isFull(); index++ {
		err = cut.wholeRow(old[index])
	}
	return err
}

// wholeRow cuts every section of the oldest commit.
func (cut *cut) wholeRow(id uint64) error {
	blob, _, err := cut.log.readRow(id)
	if err != nil {
		return err
	}
	var held []*holding
	if err := changelog.ReadChanges(blob, time.Time{}, func(section changelog.NamespaceChanges) func(*changelog.Event) bool {
		if cut.log.holdings.covers(&section) {
			held = append(held, cut.log.holdings.byNamespace[section.Namespace])
		}
		return nil
	}); err != nil {
		cut.log.damage.ofCommit(id, err)
		row := cut.row(id, uint64(len(blob)), 0)
		row.lost = true
		cut.write(row)
		return nil
	}
	for _, held := range held {
		for held.changes() > 0 && held.commit <= id {
			if err := cut.oldest(held); err != nil {
				return err
			}
		}
	}
	cut.write(cut.row(id, uint64(len(blob)), 0))
	return nil
}

// byLimit cuts the oldest changes of the holdings that are above their limits.
func (cut *cut) byLimit() error {
	holdings := &cut.log.holdings
	looks, taken := 0, len(cut.places)
	for held := range holdings.over {
		if looks++; cut.isFull() || looks > blockedPerTrim {
			break
		}
		limit := uint64(holdings.limit(held.namespace))
		for goal := limit - limit/slackOfLimit; held.bytes > goal && held.commit <= cut.last && !cut.isFull(); {
			if err := cut.oldest(held); err != nil {
				return err
			}
		}
	}
	holdings.hinderedTo = 0
	if len(cut.places) == taken && !cut.isFull() {
		holdings.hinderedTo = cut.last + 1
	}
	return nil
}

// bySize cuts the oldest changes of the largest holding in a ranking, while over says so. room is the
// room that the holdings share.
func (cut *cut) bySize(ranking *btree.BTreeG[*holding], size func(*share) uint64, room uint64, over func() bool) error {
	for over() && !cut.isFull() {
		cut.log.holdings.rank()
		held := cut.largest(ranking, size, room/cut.log.holdings.number())
		if held == nil {
			return nil
		}
		if err := cut.oldest(held); err != nil {
			return err
		}
	}
	return nil
}

// largest returns the largest holding that may be cut, nil if there is none. If a larger one must
// stay, nobody is cut below an equal share for it.
func (cut *cut) largest(ranking *btree.BTreeG[*holding], size func(*share) uint64, equal uint64) (largest *holding) {
	blocked := 0
	ranking.Scan(func(held *holding) bool {
		switch {
		case blocked > 0 && size(&held.share) <= equal:
			return false
		case held.commit > cut.last:
			blocked++
			return blocked < blockedPerTrim
		}
		largest = held
		return false
	})
	return largest
}

// oldest cuts the oldest section of a namespace.
func (cut *cut) oldest(held *holding) error {
	ahead, err := cut.placesOf(held)
	if err != nil {
		return err
	}
	if _, known := cut.before[held]; !known {
		cut.before[held] = held.share
	}
	next := share{oldest: held.revision + 1, revision: held.revision, bytesLogged: held.bytesLogged}
	if len(ahead) > 1 {
		behind := &ahead[1]
		next.oldest, next.commit, next.bytes = behind.first, behind.commit, held.bytesLogged-(behind.bytesLogged-behind.bytes)
	}
	cut.changes += next.oldest - held.oldest
	if len(ahead) > 0 {
		cut.section(&ahead[0])
		cut.ahead[held] = ahead[1:]
	}
	cut.log.holdings.become(held, next)
	return nil
}

// section takes note of a place that goes.
func (cut *cut) section(gone *place) {
	cut.places = append(cut.places, *gone)
	row := cut.row(gone.commit, gone.rowBytes, gone.rowThinned)
	row.gone += gone.bytes
	switch {
	case row.written:
		cut.freed += gone.bytes
	case row.gone*goneOfRow >= row.bytes:
		cut.write(row)
	}
}

func (cut *cut) row(id, bytes, thinned uint64) *cutRow {
	row := cut.rows[id]
	if row == nil {
		row = &cutRow{id: id, bytes: bytes, gone: thinned, before: thinned}
		cut.rows[id] = row
	}
	return row
}

// write has a row be written anew.
func (cut *cut) write(row *cutRow) {
	if row.written {
		return
	}
	row.written = true
	cut.written++
	cut.writtenBytes += row.bytes
	cut.freed += min(row.gone, row.bytes)
}

// placesOf returns the oldest places of a namespace: at least two, or all that there are.
func (cut *cut) placesOf(held *holding) ([]place, error) {
	ahead, known := cut.ahead[held]
	if known && (len(ahead) > 1 || held.changes() == 0) {
		return ahead, nil
	}
	ahead = nil
	cut.read[held] = min(max(cut.read[held]*placesGrowth, placesAtFirst), placesAtMost)
	err := cut.log.selectPlaces.Query(func(row sqlite.Row) bool {
		ahead = append(ahead, place{
			namespace: held.namespace, first: row.Unsigned(0), commit: row.Unsigned(1), bytes: row.Unsigned(2), bytesLogged: row.Unsigned(3),
			rowBytes: row.Unsigned(4), rowThinned: row.Unsigned(5),
		})
		return true
	}, held.namespace, int64(held.oldest), int64(cut.read[held]))
	return ahead, err
}

// thin makes the rows that are to be written anew.
func (cut *cut) thin() error {
	for _, row := range cut.rows {
		if !row.written || row.lost {
			continue
		}
		blob, committedAt, err := cut.log.readRow(row.id)
		if err != nil {
			return err
		}
		row.bytes = uint64(len(blob))
		var gone []changelog.Event
		row.thinned, err = changelog.Thin(blob, committedAt, cut.log.holdings.covers, func(event *changelog.Event) {
			gone = append(gone, *event)
		})
		if err == nil {
			cut.events = append(cut.events, gone...)
			continue
		}
		cut.log.damage.ofCommit(row.id, err)
		if row.written, err = cut.takesAllOf(row.id); err != nil {
			return err
		}
		row.bytes = row.gone + changelog.HeadBytes
	}
	return nil
}

// takesAllOf reports whether no place in a damaged row stays. Until then the row stays as it is.
func (cut *cut) takesAllOf(id uint64) (takes bool, err error) {
	takes = true
	err = cut.log.placesIn(id, func(namespace string, _ uint64) {
		takes = takes && slices.ContainsFunc(cut.places, func(place place) bool { return place.commit == id && place.namespace == namespace })
	})
	return takes, err
}

// lose has all places in a damaged row go, and returns their namespaces. The row had the size that
// they tell, whatever it has now.
func (cut *cut) lose(row *cutRow) (namespaces []string, err error) {
	row.bytes = row.before + changelog.HeadBytes
	err = cut.log.placesIn(row.id, func(namespace string, bytes uint64) {
		namespaces = append(namespaces, namespace)
		row.bytes += bytes
	})
	return namespaces, err
}

// slice ends the cut.
func (cut *cut) slice() (slice Slice, err error) {
	err = cut.thin()
	slice = Slice{Oldest: map[string]uint64{}, Events: cut.events, places: cut.places, shares: map[*holding]share{}}
	for held, before := range cut.before {
		slice.Oldest[held.namespace], slice.shares[held] = held.oldest, held.share
		cut.log.holdings.become(held, before)
	}
	for _, row := range cut.rows {
		slice.rows = append(slice.rows, row)
		if row.lost && err == nil {
			var namespaces []string
			namespaces, err = cut.lose(row)
			slice.Lost = append(slice.Lost, namespaces...)
		}
	}
	slices.SortFunc(slice.rows, func(one, other *cutRow) int { return cmp.Compare(one.id, other.id) })
	return slice, err
}
