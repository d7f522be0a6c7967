-- Points for the journal's endpoint, in the order of their times, no two of which are
-- the same: a point that is sent again replaces itself.
--
-- A table of this name may be there already, from the original library: times in
-- milliseconds, which rows can share, and no namespaces.
CREATE TABLE IF NOT EXISTS journal_entries (
    entry_id     INTEGER PRIMARY KEY,
    bucket_name  TEXT    NOT NULL,
    measurement  TEXT    NOT NULL,
    fields_json  TEXT    NOT NULL,
    tags_json    TEXT    NOT NULL,
    committed_at INTEGER NOT NULL,
    archived_at  INTEGER
);
ALTER TABLE journal_entries RENAME TO original_journal;

CREATE TABLE journal_entries (
    committed_at INTEGER PRIMARY KEY, -- Unix nanoseconds
    entry_id     INTEGER NOT NULL UNIQUE,
    namespace    TEXT    NOT NULL,    -- empty: outside every namespace
    measurement  TEXT    NOT NULL,
    fields       TEXT    NOT NULL,    -- JSON; integers are {"integer":"-5"} and {"unsigned":"5"}
    tags         TEXT    NOT NULL,    -- JSON
    archived_at  INTEGER,             -- Unix milliseconds; NULL: not archived
    bucket_name  TEXT                 -- what the original library had; NULL for what is newer
);
-- Nothing was committed after now, whatever the clock said then.
INSERT INTO journal_entries
SELECT committed + row_number() OVER (PARTITION BY committed ORDER BY entry_id) - 1,
    entry_id, '', measurement, fields_json, tags_json, archived_at, bucket_name
FROM (SELECT *, max(0, min(CAST(committed_at AS INTEGER), CAST(unixepoch('subsec') * 1000 AS INTEGER))) * 1000000 AS committed FROM original_journal);
DROP TABLE original_journal;

CREATE INDEX journal_entries_by_namespace ON journal_entries (namespace);

-- What the endpoint has refused: it lies behind the position of the delivery. Where
-- requeued is 1 it is to be sent again.
CREATE TABLE journal_refusals (
    committed_at INTEGER PRIMARY KEY,
    entry_id     INTEGER NOT NULL UNIQUE,
    namespace    TEXT    NOT NULL,
    refused_at   INTEGER NOT NULL, -- Unix nanoseconds
    status       INTEGER NOT NULL, -- of HTTP; 0: it was never sent
    reason       TEXT    NOT NULL,
    requeued     INTEGER NOT NULL
);
CREATE INDEX journal_refusals_by_namespace ON journal_refusals (namespace, requeued);
CREATE INDEX journal_refusals_requeued ON journal_refusals (requeued) WHERE requeued = 1;

-- How many entries of each namespace stand where.
CREATE TABLE journal_counts (
    namespace TEXT    NOT NULL PRIMARY KEY,
    pending   INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    rejected  INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO journal_counts
SELECT namespace, count(*), 0, 0 FROM journal_entries WHERE archived_at IS NULL GROUP BY namespace;

-- The time up to which every entry is delivered, refused or archived.
INSERT INTO meta (name, value) VALUES ('journal_position', -1);
