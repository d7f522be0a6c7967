// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"database/sql/driver"
	"maps"
	"slices"
)

// materialiser writes entries, groups and namespaces: what the log says, in the
// form that is read.
type materialiser struct {
	upsertEntry     *statement
	deleteEntry     *statement
	upsertGroup     *statement
	deleteGroup     *statement
	upsertNamespace *statement
	setMaterialised *statement
}

func newMaterialiser(session *session) *materialiser {
	return &materialiser{
		upsertEntry: session.prepare(`INSERT INTO entries (group_name, entry_key, entry_value, revision, updated_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET entry_value = excluded.entry_value, revision = excluded.revision, updated_at = excluded.updated_at, expires_at = excluded.expires_at`),
		deleteEntry: session.prepare(`DELETE FROM entries WHERE group_name = ? AND entry_key = ?`),
		upsertGroup: session.prepare(`INSERT INTO groups (group_name, keys, bytes, last_revision) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET keys = excluded.keys, bytes = excluded.bytes, last_revision = excluded.last_revision`),
		deleteGroup: session.prepare(`DELETE FROM groups WHERE group_name = ?`),
		upsertNamespace: session.prepare(`INSERT INTO namespaces (namespace, revision, keys, groups, bytes) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET revision = excluded.revision, keys = excluded.keys, groups = excluded.groups, bytes = excluded.bytes`),
		setMaterialised: session.prepare(`UPDATE meta SET value = ? WHERE name = 'materialised'`),
	}
}

// materialise brings the tables to where the batch leaves them, in key order: it
// is cheaper for the pages that it touches. It runs in the transaction of the caller.
func (materialiser *materialiser) materialise(batch *batch, commitID uint64) error {
	for _, name := range slices.SortedFunc(maps.Keys(batch.entries), compareEntryNames) {
		if err := materialiser.writeEntry(name, batch.entries[name]); err != nil {
			return err
		}
	}
	for name, change := range batch.groups {
		if !change.changed {
			continue
		}
		if err := materialiser.upsertGroup.execute(name, change.keys, change.bytes, int64(change.lastRevision)); err != nil {
			return err
		}
	}
	for name, change := range batch.namespaces {
		if change.section == nil {
			continue
		}
		if err := materialiser.upsertNamespace.execute(name, int64(change.revision), change.keys, change.groups, change.bytes); err != nil {
			return err
		}
	}
	return materialiser.setMaterialised.execute(int64(commitID))
}

func (materialiser *materialiser) writeEntry(name entryName, state *entryState) error {
	if !state.present() {
		return materialiser.deleteEntry.execute(name.group, name.key)
	}
	var expiresAt driver.Value
	if state.expiresAt != 0 {
		expiresAt = state.expiresAt
	}
	return materialiser.upsertEntry.execute(name.group, name.key, state.value, int64(state.revision), state.updatedAt, expiresAt)
}

func compareEntryNames(left, right entryName) int {
	return cmp.Or(cmp.Compare(left.group, right.group), cmp.Compare(left.key, right.key))
}
