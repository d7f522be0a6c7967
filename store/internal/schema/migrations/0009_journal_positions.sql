-- Each namespace has a position of its own in the journal: the time up to which each of its entries
-- is delivered, refused or archived.
ALTER TABLE journal_counts ADD COLUMN position INTEGER NOT NULL DEFAULT -1;
UPDATE journal_counts SET position = (SELECT value FROM meta WHERE name = 'journal_position');
DELETE FROM meta WHERE name = 'journal_position';

-- Sections from before tell of one position for all namespaces. Whole records begin anew, and one
-- id is left out.
UPDATE record_start SET (record_id, commit_id, hash) = (
    SELECT s.record_id + c.id - s.commit_id + 1, c.id, 0
    FROM record_sections s, (SELECT ifnull(max(id), 0) AS id FROM commits) c ORDER BY s.record_id DESC LIMIT 1
) WHERE EXISTS (SELECT 1 FROM record_sections);
DELETE FROM record_sections;
