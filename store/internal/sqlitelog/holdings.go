// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"cmp"

	"github.com/tidwall/btree"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// share is the part of the log that a namespace holds: its newest changes.
type share struct {
	// oldest and revision are the lowest and the highest revision, commit has the lowest.
	oldest, revision, commit uint64
	// bytes is the size of the changes, bytesLogged of all changes that the namespace ever logged.
	bytes, bytesLogged uint64
}

func (share *share) changes() uint64 { return share.revision + 1 - share.oldest }

func (share *share) size() uint64 { return share.bytes }

// holding is the share of a namespace that holds changes.
type holding struct {
	namespace string
	share
	// ranked is the share by which the holding has its place in the rankings. stale tells that
	// the share has changed since.
	ranked share
	stale  bool
	isNew  bool
}

// holdings are the shares of all namespaces in the log. They are counted as the log grows and is
// trimmed, and ranked before the log is trimmed.
type holdings struct {
	byNamespace map[string]*holding
	// changes is the number of all changes.
	changes uint64
	stale   []*holding
	// limit is the limit of a namespace, 0 if there is none. over are the holdings above it. If
	// hinderedTo is not 0, nothing of them may go while only commits before that one may.
	limit      func(namespace string) int64
	over       map[*holding]struct{}
	hinderedTo uint64
	// byChanges and byBytes rank the holdings, the largest first. If two are equal, the one with
	// the older changes is first.
	byChanges, byBytes *btree.BTreeG[*holding]

	selectOldest *sqlite.Statement
	selectLogged *sqlite.Statement
}

func newHoldings(session *sqlite.Session) holdings {
	rankedBy := func(size func(share *share) uint64) *btree.BTreeG[*holding] {
		return btree.NewBTreeGOptions(func(one, other *holding) bool {
			return cmp.Or(cmp.Compare(size(&other.ranked), size(&one.ranked)),
				cmp.Compare(one.ranked.commit, other.ranked.commit), cmp.Compare(one.namespace, other.namespace)) < 0
		}, btree.Options{NoLocks: true})
	}
	return holdings{
		byNamespace:  map[string]*holding{},
		limit:        func(string) int64 { return 0 },
		over:         map[*holding]struct{}{},
		byChanges:    rankedBy((*share).changes),
		byBytes:      rankedBy((*share).size),
		selectOldest: session.Prepare(`SELECT namespace, first_revision, commit_id, bytes, bytes_total FROM namespace_commits WHERE namespace >= ? ORDER BY namespace, first_revision LIMIT 1`),
		selectLogged: session.Prepare(`SELECT first_revision, bytes_total FROM namespace_commits WHERE namespace = ? ORDER BY first_revision DESC LIMIT 1`),
	}
}

// load reads what each namespace holds. It takes a few steps for each namespace, however many
// changes it has.
func (holdings *holdings) load(revisionOf func(namespace string) (uint64, error)) error {
	from := ""
	for {
		held, err := holdings.read(from, revisionOf)
		if err != nil || held == nil {
			return err
		}
		holdings.put(held)
		from = kv.FirstBehind(held.namespace)
	}
}

// reload reads again what a namespace holds.
func (holdings *holdings) reload(namespace string, revisionOf func(namespace string) (uint64, error)) error {
	held, err := holdings.read(namespace, revisionOf)
	if err != nil {
		return err
	}
	if former := holdings.byNamespace[namespace]; former != nil {
		holdings.become(former, share{oldest: 1})
	}
	if held != nil && held.namespace == namespace {
		holdings.put(held)
	}
	return nil
}

// read reads the share of the first namespace that is not before a name, nil if there is none.
func (holdings *holdings) read(from string, revisionOf func(namespace string) (uint64, error)) (held *holding, err error) {
	var before uint64
	if err := holdings.selectOldest.Query(func(row sqlite.Row) bool {
		held = &holding{namespace: row.Text(0), share: share{oldest: row.Unsigned(1), commit: row.Unsigned(2)}, isNew: true}
		before = row.Unsigned(4) - row.Unsigned(3)
		return false
	}, from); err != nil || held == nil {
		return nil, err
	}
	if held.revision, err = revisionOf(held.namespace); err != nil {
		return nil, err
	}
	err = holdings.selectLogged.Query(func(row sqlite.Row) bool {
		// If the tables are damaged, they may be behind the log.
		held.revision = max(held.revision, row.Unsigned(0))
		held.bytesLogged = row.Unsigned(1)
		return false
	}, held.namespace)
	held.bytes = held.bytesLogged - before
	return held, err
}

// number returns how many namespaces hold something, at least 1.
func (holdings *holdings) number() uint64 { return max(uint64(len(holdings.byNamespace)), 1) }

func (holdings *holdings) put(held *holding) {
	holdings.byNamespace[held.namespace] = held
	holdings.changes += held.changes()
	holdings.touch(held)
}

// next returns how many bytes a namespace has logged behind a section that comes next.
func (holdings *holdings) next(section *changelog.NamespaceChanges) uint64 {
	if held := holdings.byNamespace[section.Namespace]; held != nil {
		return held.bytesLogged + section.Bytes
	}
	return section.Bytes
}

// grow counts a section of a commit.
func (holdings *holdings) grow(section *changelog.NamespaceChanges, commit uint64) {
	held := holdings.byNamespace[section.Namespace]
	if held == nil {
		held = &holding{namespace: section.Namespace, share: share{oldest: section.FirstRevision, commit: commit}, isNew: true}
		holdings.byNamespace[section.Namespace] = held
	}
	held.revision = section.Behind() - 1
	held.bytes += section.Bytes
	held.bytesLogged += section.Bytes
	holdings.changes += section.Count
	holdings.touch(held)
}

// become gives a holding another share. A holding without changes is forgotten.
func (holdings *holdings) become(held *holding, next share) {
	holdings.changes += next.changes() - held.changes()
	held.share = next
	if next.changes() == 0 {
		delete(holdings.byNamespace, held.namespace)
	} else {
		holdings.byNamespace[held.namespace] = held
	}
	holdings.touch(held)
}

func (holdings *holdings) touch(held *holding) {
	holdings.lookAtLimit(held)
	if !held.stale {
		held.stale = true
		holdings.stale = append(holdings.stale, held)
	}
}

// lookAtLimit finds out whether a holding is above its limit.
func (holdings *holdings) lookAtLimit(held *holding) {
	if limit := holdings.limit(held.namespace); limit > 0 && held.bytes > uint64(limit) {
		holdings.over[held], holdings.hinderedTo = struct{}{}, 0
	} else {
		delete(holdings.over, held)
	}
}

func (holdings *holdings) lookAtLimits() {
	for _, held := range holdings.byNamespace {
		holdings.lookAtLimit(held)
	}
}

// rank gives the holdings that have changed their places.
func (holdings *holdings) rank() {
	for index, held := range holdings.stale {
		holdings.stale[index] = nil
		if !held.isNew {
			holdings.byChanges.Delete(held)
			holdings.byBytes.Delete(held)
		}
		held.ranked, held.stale, held.isNew = held.share, false, true
		if holdings.byNamespace[held.namespace] == held {
			held.isNew = false
			holdings.byChanges.Set(held)
			holdings.byBytes.Set(held)
		}
	}
	holdings.stale = holdings.stale[:0]
}

// covers reports whether a namespace still holds a section.
func (holdings *holdings) covers(section *changelog.NamespaceChanges) bool {
	held := holdings.byNamespace[section.Namespace]
	return held != nil && held.oldest < section.Behind()
}
