-- Archives that journal entries were moved into. One without finished_at is being
-- written, or was when the store ended: what there is of its file is removed.
CREATE TABLE journal_archives (
    archive_id    INTEGER PRIMARY KEY,
    folder        TEXT    NOT NULL,
    name          TEXT    NOT NULL UNIQUE,
    begun_at      INTEGER NOT NULL, -- Unix nanoseconds, as are the others
    finished_at   INTEGER,
    entries       INTEGER,
    sha256        TEXT,             -- of the file, in hex
    first_at      INTEGER,          -- when the first and the last of its entries were committed
    last_at       INTEGER,
    last_entry_id INTEGER           -- the greatest: ids go on from there, as times do from last_at
);

-- Entries that are in an archive and whose rows are still being removed, by spans of
-- their times, both ends included. They are not there for whoever reads.
CREATE TABLE journal_removals (
    first_at INTEGER PRIMARY KEY,
    last_at  INTEGER NOT NULL
);
