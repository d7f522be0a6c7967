-- Limits for what a namespace keeps beside its entries.
ALTER TABLE quotas ADD COLUMN max_journal_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quotas ADD COLUMN max_workspace_bytes INTEGER NOT NULL DEFAULT 0;

-- How many bytes the journal entries of each namespace have that are in no archive.
ALTER TABLE journal_counts ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE journal_counts SET bytes = ifnull((
    SELECT sum(octet_length(e.namespace) + octet_length(e.measurement) + octet_length(e.fields) + octet_length(e.tags))
    FROM journal_entries e WHERE e.namespace = journal_counts.namespace
        AND NOT EXISTS (SELECT 1 FROM journal_removals r WHERE r.first_at <= e.committed_at AND r.last_at >= e.committed_at)
), 0);

-- Sections from before have neither: whole records begin anew, and one id is left out.
UPDATE record_start SET (record_id, commit_id, hash) = (
    SELECT s.record_id + c.id - s.commit_id + 1, c.id, 0
    FROM record_sections s, (SELECT ifnull(max(id), 0) AS id FROM commits) c ORDER BY s.record_id DESC LIMIT 1
) WHERE EXISTS (SELECT 1 FROM record_sections);
DELETE FROM record_sections;
