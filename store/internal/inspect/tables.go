// SPDX-License-Identifier: EUPL-1.2

package inspect

import (
	"database/sql"

	"github.com/cespare/xxhash/v2"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/largevalue"
)

// entry is a row of entries.
type entry struct {
	group, key, value string
	revision          uint64
	updatedAt         int64
	expiresAt         sql.NullInt64
	checksum          sql.NullInt64
}

// isSound reports whether an entry is as it was written. An entry without a checksum counts as sound.
func (found *entry) isSound() bool {
	state := kv.EntryState{Revision: found.revision, UpdatedAt: found.updatedAt, ExpiresAt: found.expiresAt.Int64, Value: found.value}
	return !found.checksum.Valid || kv.Checksum(found.checksum.Int64).IsOf(kv.EntryName{Group: found.group, Key: found.key}, &state)
}

// entries counts the entries again, and compares them with the log.
func (inspection *inspection) entries() error {
	if err := inspection.rows("SELECT group_name, revision FROM deletions", func(row *sql.Rows) error {
		var group string
		var revision uint64
		err := row.Scan(&group, &revision)
		inspection.hidden[group] = revision
		return err
	}); err != nil {
		return err
	}
	if err := inspection.rows("SELECT group_name, entry_key, "+largevalue.Text+", revision, updated_at, expires_at, checksum FROM entries", func(row *sql.Rows) error {
		found, value := entry{}, sql.NullString{}
		if err := row.Scan(&found.group, &found.key, &value, &found.revision, &found.updatedAt, &found.expiresAt, &found.checksum); err != nil {
			return err
		}
		if found.value = value.String; !value.Valid {
			inspection.report.differ("group %q key %q at revision %d: its large value is lost", found.group, found.key, found.revision)
		}
		if found.revision > inspection.hidden[found.group] {
			inspection.report.Entries++
			inspection.count(&found)
			before := len(inspection.report.Differences)
			inspection.compare(&found)
			if before == len(inspection.report.Differences) && !found.isSound() {
				inspection.report.differ("group %q key %q at revision %d: it is damaged, as its checksum tells", found.group, found.key, found.revision)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	var lost int
	if err := inspection.reader.QueryRowContext(inspection.ctx, largevalue.CountLost).Scan(&lost); err != nil {
		return err
	}
	if lost > 0 {
		inspection.report.differ("large_values: %d rows belong to no entry", lost)
	}
	for name, group := range inspection.groups {
		for key, last := range group.changes {
			if last.stays && !last.found && last.commit <= inspection.materialised {
				inspection.report.differ("group %q key %q: the log has it at revision %d, and the table does not", name, key, last.revision)
			}
		}
	}
	return nil
}

// count adds an entry to its group and its namespace.
func (inspection *inspection) count(found *entry) {
	name, local := kv.NamespaceOf(found.group)
	namespace, group := inspection.namespace(name), inspection.group(found.group)
	if group.keys == 0 {
		namespace.groups++
	}
	size := int64(len(local) + len(found.key) + len(found.value))
	group.keys++
	group.bytes += size
	namespace.keys++
	namespace.bytes += size
}

// compare compares an entry with its last change. The table may be behind the newest commits.
func (inspection *inspection) compare(found *entry) {
	differ := func(what string) {
		inspection.report.differ("group %q key %q at revision %d: %s", found.group, found.key, found.revision, what)
	}
	last := inspection.groups[found.group].changes[found.key]
	if last == nil {
		name, _ := kv.NamespaceOf(found.group)
		first := inspection.namespaces[name].first
		switch {
		case found.revision < inspection.deletions[found.group]:
			differ("the log has deleted its group")
		case first != 0 && found.revision >= first:
			differ("the log has no such change")
		}
		return
	}
	last.found = true
	if last.commit > inspection.materialised {
		return
	}
	switch {
	case !last.stays:
		differ("the log has removed it")
	case last.revision != found.revision:
		inspection.report.differ("group %q key %q: the table has revision %d, and the log has %d", found.group, found.key, found.revision, last.revision)
	case last.told && last.value != xxhash.Sum64String(found.value):
		differ("its value is not that of the log")
	case last.updatedAt != found.updatedAt:
		differ("its time is not that of the log")
	case last.expiresAt != found.expiresAt.Int64:
		differ("its deadline is not that of the log")
	}
}

// counters compares the counters with what was counted, if the tables hold the whole log.
func (inspection *inspection) counters() error {
	if inspection.report.Behind > 0 {
		return inspection.revisions()
	}
	if err := inspection.compareGroups(); err != nil {
		return err
	}
	if err := inspection.compareNamespaces(); err != nil {
		return err
	}
	var ahead uint64
	err := inspection.reader.QueryRowContext(inspection.ctx, "SELECT count(*) FROM consumers WHERE commit_id > ?", max(inspection.lastCommit, inspection.materialised)).Scan(&ahead)
	if ahead > 0 {
		inspection.report.differ("%d consumers are ahead of the log", ahead)
	}
	return err
}

// revisions compares the revisions of namespaces with the log, if the tables are behind it. They are
// not older than the tables are said to be, and not newer than the log.
func (inspection *inspection) revisions() error {
	rows := map[string]bool{}
	err := inspection.rows("SELECT namespace, revision FROM namespaces", func(row *sql.Rows) error {
		var name string
		var revision uint64
		err := row.Scan(&name, &revision)
		rows[name] = true
		if counted := inspection.namespaces[name]; counted != nil && counted.last != 0 && (revision < counted.held || revision > counted.last) {
			inspection.report.differ("namespace %q: its counters say revision %d, and the log has %d", name, revision, counted.last)
		}
		return err
	})
	for name, counted := range inspection.namespaces {
		if counted.held != 0 && !rows[name] {
			inspection.report.differ("namespace %q: it is in the log, and has no counters", name)
		}
	}
	return err
}

func (inspection *inspection) compareGroups() error {
	rows := map[string]bool{}
	err := inspection.rows("SELECT group_name, keys, bytes, last_revision FROM groups", func(row *sql.Rows) error {
		var name string
		said := group{}
		err := row.Scan(&name, &said.keys, &said.bytes, &said.lastRevision)
		rows[name] = true
		counted := inspection.group(name)
		if counted.keys != said.keys || counted.bytes != said.bytes {
			inspection.report.differ("group %q: its counters say %d keys and %d bytes, and it has %d and %d", name, said.keys, said.bytes, counted.keys, counted.bytes)
		}
		if counted.lastRevision != 0 && counted.lastRevision != said.lastRevision {
			inspection.report.differ("group %q: its counters say revision %d, and the log has %d", name, said.lastRevision, counted.lastRevision)
		}
		return err
	})
	for name, counted := range inspection.groups {
		if counted.keys > 0 && !rows[name] {
			inspection.report.differ("group %q: it has %d keys, and no counters", name, counted.keys)
		}
	}
	return err
}

func (inspection *inspection) compareNamespaces() error {
	err := inspection.rows("SELECT namespace, revision, keys, groups, bytes FROM namespaces", func(row *sql.Rows) error {
		var name string
		var revision uint64
		said := namespace{}
		err := row.Scan(&name, &revision, &said.keys, &said.groups, &said.bytes)
		counted := inspection.namespace(name)
		inspection.report.Namespaces++
		if said.keys != counted.keys || said.groups != counted.groups || said.bytes != counted.bytes {
			inspection.report.differ("namespace %q: its counters say %d keys, %d groups and %d bytes, and it has %d, %d and %d", name,
				said.keys, said.groups, said.bytes, counted.keys, counted.groups, counted.bytes)
		}
		if counted.last != 0 && revision != counted.last {
			inspection.report.differ("namespace %q: its counters say revision %d, and the log has %d", name, revision, counted.last)
		}
		return err
	})
	return err
}
