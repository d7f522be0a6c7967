-- What requests with an id were answered, for as long as they may be repeated. The
-- ids here rise with time, so that the table grows at one end and is cleared at the other.
CREATE TABLE retries (
    id           INTEGER PRIMARY KEY,
    committed_at INTEGER NOT NULL, -- Unix nanoseconds
    namespace    TEXT    NOT NULL,
    request_id   TEXT    NOT NULL,
    digest       BLOB    NOT NULL,
    answer       BLOB    NOT NULL
);
