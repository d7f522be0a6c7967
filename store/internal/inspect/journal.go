// SPDX-License-Identifier: EUPL-1.2

package inspect

import "database/sql"

// countJournal counts the journal of each namespace again. An entry is pending behind the position of
// its namespace, or if it was requeued. Entries that are being removed no longer count.
const countJournal = `SELECT c.namespace, c.pending, c.bytes,
	(SELECT count(*) FROM journal_refusals r WHERE r.namespace = c.namespace AND r.requeued = 1),
	ifnull(sum(e.committed_at > c.position AND e.archived_at IS NULL), 0),
	ifnull(sum(octet_length(e.namespace) + octet_length(e.measurement) + octet_length(e.fields) + octet_length(e.tags)), 0)
	FROM journal_counts c LEFT JOIN journal_entries e ON e.namespace = c.namespace
		AND NOT EXISTS (SELECT 1 FROM journal_removals r WHERE r.first_at <= e.committed_at AND r.last_at >= e.committed_at)
	GROUP BY c.namespace`

// journal checks that the entries of the journal can be read, and compares their counters with a
// recount.
func (inspection *inspection) journal() error {
	var unreadable, without int64
	var first sql.NullInt64
	err := inspection.reader.QueryRowContext(inspection.ctx, `SELECT count(*), min(entry_id) FROM journal_entries
		WHERE NOT ifnull(json_valid(fields), 0) OR NOT ifnull(json_valid(tags), 0)`).Scan(&unreadable, &first)
	if err != nil {
		return err
	}
	if unreadable > 0 {
		inspection.report.differ("journal_entries: %d entries have fields or tags that are not JSON, the first is entry %d", unreadable, first.Int64)
	}
	if err := inspection.one("SELECT count(*) FROM journal_entries WHERE namespace NOT IN (SELECT namespace FROM journal_counts)", &without); err != nil {
		return err
	}
	if without > 0 {
		inspection.report.differ("journal_entries: %d entries are of namespaces without counters", without)
	}
	return inspection.rows(countJournal, func(row *sql.Rows) error {
		var name string
		var pending, bytes, requeued, behind, size int64
		err := row.Scan(&name, &pending, &bytes, &requeued, &behind, &size)
		if pending != requeued+behind || bytes != size {
			inspection.report.differ("the journal of namespace %q: its counters say %d pending entries and %d bytes in all, and it has %d and %d", name, pending, bytes, requeued+behind, size)
		}
		return err
	})
}

// quotas looks for limits that nobody can have set.
func (inspection *inspection) quotas() error {
	return inspection.rows(`SELECT namespace FROM quotas
		WHERE min(max_keys, max_groups, max_bytes, max_value_bytes, max_journal_bytes, max_workspace_bytes, max_log_bytes) < 0`, func(row *sql.Rows) error {
		var name string
		err := row.Scan(&name)
		inspection.report.differ("the quota of namespace %q has a limit below 0", name)
		return err
	})
}
