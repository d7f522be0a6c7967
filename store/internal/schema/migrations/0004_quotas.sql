-- What a namespace may use; 0 is no limit. One that has no row has none.
CREATE TABLE quotas (
    namespace       TEXT    NOT NULL PRIMARY KEY,
    max_keys        INTEGER NOT NULL,
    max_groups      INTEGER NOT NULL,
    max_bytes       INTEGER NOT NULL,
    max_value_bytes INTEGER NOT NULL
) WITHOUT ROWID;

-- Finds what is due in one realm however much is due in the others: the groups with
-- the same bytes before the first colon, which are their namespace where they can be one.
CREATE INDEX entries_by_realm_expiry ON entries (substr(CAST(group_name AS BLOB), 1, instr(CAST(group_name AS BLOB), x'3a') - 1), expires_at)
    WHERE expires_at IS NOT NULL;
