-- A limit for the changes that a namespace keeps in the log.
ALTER TABLE quotas ADD COLUMN max_log_bytes INTEGER NOT NULL DEFAULT 0;

-- Sections from before do not have it: whole records begin anew, and one id is left out.
UPDATE record_start SET (record_id, commit_id, hash) = (
    SELECT s.record_id + c.id - s.commit_id + 1, c.id, 0
    FROM record_sections s, (SELECT ifnull(max(id), 0) AS id FROM commits) c ORDER BY s.record_id DESC LIMIT 1
) WHERE EXISTS (SELECT 1 FROM record_sections);
DELETE FROM record_sections;
