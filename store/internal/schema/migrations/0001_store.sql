-- The log is the truth: one row for each commit, its changes as one blob.
-- The totals count the changes and bytes of the store's whole life up to and
-- including the row, so that what is retained is a subtraction.
CREATE TABLE commits (
    id            INTEGER PRIMARY KEY,
    committed_at  INTEGER NOT NULL, -- Unix nanoseconds
    changes_total INTEGER NOT NULL,
    bytes_total   INTEGER NOT NULL,
    changes       BLOB    NOT NULL
);

-- Which commit holds a revision of a namespace: the one with the largest
-- first_revision that is not above it.
CREATE TABLE namespace_commits (
    namespace      TEXT    NOT NULL,
    first_revision INTEGER NOT NULL,
    commit_id      INTEGER NOT NULL,
    PRIMARY KEY (namespace, first_revision)
) WITHOUT ROWID;

-- What follows is made from the log; meta.materialised names the last commit in it.
CREATE TABLE entries (
    group_name  TEXT    NOT NULL, -- "namespace:group", or a group outside every namespace
    entry_key   TEXT    NOT NULL,
    revision    INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL, -- Unix nanoseconds
    expires_at  INTEGER,          -- Unix milliseconds; NULL: never
    entry_value TEXT    NOT NULL, -- any bytes; last, so that the rest is read without it
    PRIMARY KEY (group_name, entry_key)
) WITHOUT ROWID;

CREATE INDEX entries_by_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL;

-- A row goes with the group's last logged change, not with its last key.
CREATE TABLE groups (
    group_name    TEXT    NOT NULL PRIMARY KEY,
    keys          INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    last_revision INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE namespaces (
    namespace TEXT    NOT NULL PRIMARY KEY,
    revision  INTEGER NOT NULL,
    keys      INTEGER NOT NULL,
    groups    INTEGER NOT NULL,
    bytes     INTEGER NOT NULL
) WITHOUT ROWID;

-- How far each registered reader of the log has come, with the totals there.
CREATE TABLE consumers (
    name          TEXT    NOT NULL PRIMARY KEY,
    commit_id     INTEGER NOT NULL,
    changes_total INTEGER NOT NULL,
    bytes_total   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value      NOT NULL
) WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES
    ('store_id', lower(hex(randomblob(16)))),
    ('materialised', 0);
