// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"dappco.re/go/storebus/store/internal/damage"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/largevalue"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// cachedStates bounds how many groups and namespaces are remembered; beyond it
// they are read again.
const cachedStates = 1 << 16

// View is the one place that reads entries, groups and namespaces. It shows the committed state:
// first pending entries, then remembered ones, then the tables.
type View struct {
	pending        *pending
	deletions      *deletions
	hot            *Hot
	namespaces     map[string]kv.NamespaceState
	groups         map[string]kv.GroupState
	totals         Totals
	tallies        tallies
	oldestDeferred func(namespace string) (revision uint64, found bool)
	damage         *damage.Entries

	// dueRealm is the last realm of NextDueRealms, if dueBegun is set.
	dueRealm kv.Realm
	dueBegun bool

	selectNamespace   *sqlite.Statement
	selectOldest      *sqlite.Statement
	selectGroup       *sqlite.Statement
	selectHead        *sqlite.Statement
	selectEntry       *sqlite.Statement
	selectDeletions   *sqlite.Statement
	selectPage        [3]directions        // by columns
	selectScan        [2]*sqlite.Statement // by columns, but pairsOnly
	countRows         *sqlite.Statement
	selectKeyAt       *sqlite.Statement
	selectGroups      *sqlite.Statement
	selectNamespaces  *sqlite.Statement
	selectDue         *sqlite.Statement
	selectDueOfRealm  *sqlite.Statement
	selectNextExpiry  *sqlite.Statement
	selectNextRealm   *sqlite.Statement
	selectStoreTotals *sqlite.Statement
}

// directions are the statements of one query in both orders of the keys.
type directions struct{ ascending, descending *sqlite.Statement }

func (directions directions) of(descending bool) *sqlite.Statement {
	if descending {
		return directions.descending
	}
	return directions.ascending
}

// Totals count the whole store: named namespaces, all entries, and those
// outside every namespace.
type Totals struct {
	Namespaces uint64
	Entries    uint64
	Unscoped   uint64
}

// NewView returns the view of a database. oldestDeferred returns the first revision of a namespace in
// the part of the log that its tables do not hold yet.
func NewView(session *sqlite.Session, hot *Hot, oldestDeferred func(namespace string) (revision uint64, found bool)) *View {
	const page = ` FROM entries WHERE group_name = ? AND entry_key >= ? AND entry_key < ? ORDER BY entry_key `
	const scan = `, group_name FROM entries WHERE (group_name, entry_key) >= (?, ?) AND group_name < ? ORDER BY group_name, entry_key`
	const whole, pairs = `SELECT checksum, entry_key, revision, updated_at, expires_at, ` + largevalue.Text, `SELECT checksum, entry_key, expires_at, ` + largevalue.Text
	const keys = `SELECT iif(octet_length(entry_value) <= ` + besideChecksum + `, checksum, NULL), entry_key, revision, updated_at, expires_at, ` + largevalue.Bytes
	inBothDirections := func(columns string) directions {
		return directions{ascending: session.Prepare(columns + page), descending: session.Prepare(columns + page + `DESC`)}
	}
	return &View{
		pending:           newPending(),
		deletions:         &deletions{},
		hot:               hot,
		oldestDeferred:    oldestDeferred,
		damage:            damage.New(),
		tallies:           tallies{},
		namespaces:        map[string]kv.NamespaceState{},
		groups:            map[string]kv.GroupState{},
		selectNamespace:   session.Prepare(`SELECT revision, keys, groups, bytes FROM namespaces WHERE namespace = ?`),
		selectOldest:      session.Prepare(`SELECT min(first_revision) FROM namespace_commits WHERE namespace = ?`),
		selectGroup:       session.Prepare(`SELECT keys, bytes, last_revision FROM groups WHERE group_name = ?`),
		selectHead:        session.Prepare(`SELECT revision, updated_at, expires_at, ` + largevalue.Bytes + ` FROM entries WHERE group_name = ? AND entry_key = ?`),
		selectEntry:       session.Prepare(`SELECT revision, updated_at, expires_at, ` + largevalue.Bytes + `, ` + largevalue.Text + `, checksum FROM entries WHERE group_name = ? AND entry_key = ?`),
		selectPage:        [3]directions{WholeEntries: inBothDirections(whole), KeysOnly: inBothDirections(keys), PairsOnly: inBothDirections(pairs)},
		selectDeletions:   session.Prepare(`SELECT group_name, revision FROM deletions`),
		selectScan:        [2]*sqlite.Statement{WholeEntries: session.Prepare(whole + scan), KeysOnly: session.Prepare(keys + scan)},
		countRows:         session.Prepare(`SELECT count(*) FROM (SELECT 1 FROM entries WHERE group_name = ? AND entry_key >= ? AND entry_key < ? LIMIT ?)`),
		selectKeyAt:       session.Prepare(`SELECT entry_key FROM entries WHERE group_name = ? AND entry_key >= ? AND entry_key < ? ORDER BY entry_key LIMIT 1 OFFSET ?`),
		selectGroups:      session.Prepare(`SELECT group_name, keys, bytes, last_revision FROM groups INDEXED BY groups_with_keys WHERE keys > 0 AND group_name >= ? AND group_name < ? ORDER BY group_name`),
		selectNamespaces:  session.Prepare(`SELECT namespace, revision, keys, groups, bytes FROM namespaces WHERE namespace >= ? AND namespace < ? ORDER BY namespace`),
		selectDue:         session.Prepare(SelectDue),
		selectDueOfRealm:  session.Prepare(SelectDueOfRealm),
		selectNextRealm:   session.Prepare(SelectNextRealm),
		selectNextExpiry:  session.Prepare(`SELECT min(expires_at) FROM entries WHERE expires_at IS NOT NULL`),
		selectStoreTotals: session.Prepare(`SELECT count(*) FILTER (WHERE namespace <> ''), coalesce(sum(keys), 0), coalesce(sum(keys) FILTER (WHERE namespace = ''), 0) FROM namespaces`),
	}
}

// Load reads the data that the view keeps in memory for its whole life.
func (view *View) Load() error {
	err := view.selectDeletions.Query(func(row sqlite.Row) bool {
		view.deletions.add(row.Text(0), row.Unsigned(1))
		return true
	})
	if err != nil {
		return err
	}
	return view.selectStoreTotals.Query(func(row sqlite.Row) bool {
		view.totals = Totals{Namespaces: row.Unsigned(0), Entries: row.Unsigned(1), Unscoped: row.Unsigned(2)}
		return false
	})
}

// Namespace returns the state of a namespace.
func (view *View) Namespace(name string) (kv.NamespaceState, error) {
	if state, known := view.namespaces[name]; known {
		return state, nil
	}
	state, err := view.storedNamespace(name)
	if err != nil {
		return state, err
	}
	oldest, found, err := view.selectOldest.Integer(name)
	if err != nil {
		return state, err
	}
	state.Oldest = state.Revision + 1
	if found {
		state.Oldest = uint64(oldest)
	} else if first, waits := view.oldestDeferred(name); waits {
		state.Oldest = first
	}
	remember(view.namespaces, name, state)
	return state, nil
}

// RevisionOf returns the revision of the namespace that a name lies in.
func (view *View) RevisionOf(name string) (uint64, error) {
	namespace, _ := kv.NamespaceOf(name)
	state, err := view.Namespace(namespace)
	return state.Revision, err
}

// RevisionOfNamespace returns the revision of a namespace.
func (view *View) RevisionOfNamespace(name string) (uint64, error) {
	if state, known := view.namespaces[name]; known {
		return state.Revision, nil
	}
	state, err := view.storedNamespace(name)
	return state.Revision, err
}

// storedNamespace returns the state of a namespace without the log's part.
func (view *View) storedNamespace(name string) (state kv.NamespaceState, err error) {
	if state, waits := view.pending.namespaces.get(name); waits {
		return state, nil
	}
	err = view.selectNamespace.Query(func(row sqlite.Row) bool {
		state = readNamespace(row)
		return false
	}, name)
	return state, err
}

// readNamespace reads a row of revision, keys, groups, bytes.
func readNamespace(row sqlite.Row) kv.NamespaceState {
	return kv.NamespaceState{Revision: row.Unsigned(0), Keys: row.Signed(1), Groups: row.Signed(2), Bytes: row.Signed(3)}
}

// Group returns the state of a group.
func (view *View) Group(name string) (kv.GroupState, error) {
	if state, waits := view.pending.groups.get(name); waits {
		return state, nil
	}
	if state, known := view.groups[name]; known {
		return state, nil
	}
	state := kv.GroupState{}
	err := view.selectGroup.Query(func(row sqlite.Row) bool {
		state = readGroup(row)
		return false
	}, name)
	if err == nil {
		remember(view.groups, name, state)
	}
	return state, err
}

// readGroup reads a row of keys, bytes, last_revision.
func readGroup(row sqlite.Row) kv.GroupState {
	return kv.GroupState{Keys: row.Signed(0), Bytes: row.Signed(1), LastRevision: row.Unsigned(2)}
}

// GroupsIn calls visit with each group of a range that has keys, in byte order, and
// with some that have none, until visit returns false.
func (view *View) GroupsIn(names kv.NameRange, visit func(name string, state kv.GroupState) bool) error {
	return mergeStates(&view.pending.groups, names, func(take func(string, kv.GroupState) bool) error {
		return view.selectGroups.Query(func(row sqlite.Row) bool {
			return take(row.Text(0), readGroup(row[1:]))
		}, names.Low, upperBound(names.High))
	}, visit)
}

// remember keeps a state, and forgets all others if there are too many.
func remember[State any](states map[string]State, name string, state State) {
	if len(states) >= cachedStates {
		clear(states)
	}
	states[name] = state
}

// Committed records the changes of a batch, after its commit.
func (view *View) Committed(changes *Slice) {
	view.pending.merge(changes)
	for _, deletion := range changes.deletions {
		view.deletions.add(deletion.name, deletion.state)
	}
	view.hot.putAll(changes)
	for _, group := range changes.groups {
		remember(view.groups, group.name, group.state)
	}
	for _, namespace := range changes.namespaces {
		remember(view.namespaces, namespace.name, namespace.state)
	}
	view.totals.grow(changes.grown)
}

// Trimmed records that a namespace's log now begins at oldest.
func (view *View) Trimmed(namespace string, oldest uint64) {
	if state, known := view.namespaces[namespace]; known {
		state.Oldest = oldest
		view.namespaces[namespace] = state
	}
}

// add moves the totals by the change of a namespace. A decrease wraps around.
func (totals *Totals) add(name string, before, state kv.NamespaceState) {
	grown := uint64(state.Keys - before.Keys)
	totals.Entries += grown
	switch {
	case name == "":
		totals.Unscoped += grown
	case before.Revision == 0:
		totals.Namespaces++
	}
}

func (totals *Totals) grow(by Totals) {
	totals.Namespaces += by.Namespaces
	totals.Entries += by.Entries
	totals.Unscoped += by.Unscoped
}

// ForgetGroups drops the remembered states of groups whose rows are gone.
func (view *View) ForgetGroups(names []string) {
	for _, name := range names {
		delete(view.groups, name)
	}
}

// Reread returns the state of a namespace, and reads it again even if it is remembered.
func (view *View) Reread(namespace string) (kv.NamespaceState, error) {
	delete(view.namespaces, namespace)
	return view.Namespace(namespace)
}

// Behind returns by how many rows the tables are behind the log. A deleted group with rows counts as
// one.
func (view *View) Behind() int { return view.pending.rows() + view.DeletionsWaiting() }

// DeletionsWaiting returns how many deleted groups may have rows to remove.
func (view *View) DeletionsWaiting() int { return view.deletions.groups.Len() }

// Head returns the state of a key, expired or not; its value may be left out. It verifies nothing: a
// damaged entry can be written over and deleted.
func (view *View) Head(name kv.EntryName) (kv.EntryState, error) {
	if state, known := view.remembered(name, false); known {
		return state, nil
	}
	return view.stored(view.selectHead, name)
}

// Entry returns the state of a key, expired or not, and remembers it as hot. It returns
// DamagedEntryError for a row that is not as it was written.
func (view *View) Entry(name kv.EntryName) (kv.EntryState, error) {
	if state, known := view.remembered(name, true); known {
		return state, nil
	}
	state, err := view.stored(view.selectEntry, name)
	if err == nil {
		view.hot.put(name, &state)
	}
	return state, err
}

// remembered returns the state of a key in memory, with its value or perhaps without.
func (view *View) remembered(name kv.EntryName, withValue bool) (kv.EntryState, bool) {
	place := view.pending.entries[name]
	switch {
	case place == nil:
		return view.hot.get(name, withValue, nil)
	case view.deletions.hide(name.Group, &place.EntryState):
		return kv.EntryState{}, true
	default:
		return place.EntryState, true
	}
}

// stored returns the state of a key in the tables.
func (view *View) stored(statement *sqlite.Statement, name kv.EntryName) (kv.EntryState, error) {
	row, damaged, err := readEntry(statement, name)
	switch {
	case damaged && err == nil:
		return kv.EntryState{}, view.damage.Meet(name)
	case view.deletions.hide(name.Group, &row.EntryState):
		return kv.EntryState{}, err
	}
	return row.EntryState, err
}

// readEntry reads the head of an entry, or all of it and whether it is damaged.
func readEntry(statement *sqlite.Statement, name kv.EntryName) (found damage.Row, damaged bool, err error) {
	found.EntryName = name
	err = statement.Query(func(row sqlite.Row) bool {
		found.EntryState = kv.EntryState{Revision: row.Unsigned(0), UpdatedAt: row.Signed(1), ExpiresAt: row.Signed(2), Bytes: int(row.Signed(3))}
		if len(row) > 4 {
			found.Value, found.Checksum = row.Text(4), kv.Checksum(row.Signed(5))
			damaged = !row.Null(5) && !found.Checksum.IsOf(name, &found.EntryState)
		}
		return false
	}, name.Group, name.Key)
	return found, damaged, err
}
