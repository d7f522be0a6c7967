-- A record is everything that a commit makes durable: its changes, which are in commits, and a
-- section for each other table that it changes. Records are numbered by themselves: commits
-- counts those with changes alone.
ALTER TABLE commits ADD COLUMN hash INTEGER NOT NULL DEFAULT 0; -- of the record

-- The records that change other tables. A record with an id in between has only changes.
CREATE TABLE record_sections (
    record_id    INTEGER PRIMARY KEY,
    commit_id    INTEGER NOT NULL, -- the newest commit with changes, up to this record
    has_changes  INTEGER NOT NULL, -- 1 if it is a part of this record
    committed_at INTEGER NOT NULL, -- Unix nanoseconds
    hash         INTEGER NOT NULL,
    sections     BLOB    NOT NULL
);

-- The record behind which every record is whole, with the newest commit up to it. A database with
-- content from before has no record that begins it: its records begin behind one that nobody has.
CREATE TABLE record_start (
    record_id INTEGER NOT NULL,
    commit_id INTEGER NOT NULL,
    hash      INTEGER NOT NULL
);
INSERT INTO record_start
SELECT ifnull(max(id), 0) + (
        EXISTS (SELECT 1 FROM commits) OR EXISTS (SELECT 1 FROM groups) OR EXISTS (SELECT 1 FROM quotas) OR
        EXISTS (SELECT 1 FROM consumers) OR EXISTS (SELECT 1 FROM retries) OR EXISTS (SELECT 1 FROM workspace_runs) OR
        EXISTS (SELECT 1 FROM journal_entries) OR EXISTS (SELECT 1 FROM journal_archives)
    ), ifnull(max(id), 0), 0 FROM commits;
