-- What a namespace may use; 0 is no limit. One that has no row has none.
CREATE TABLE quotas (
    namespace       TEXT    NOT NULL PRIMARY KEY,
    max_keys        INTEGER NOT NULL,
    max_groups      INTEGER NOT NULL,
    max_bytes       INTEGER NOT NULL,
    max_value_bytes INTEGER NOT NULL
) WITHOUT ROWID;

-- Finds what is due in one namespace however much is due in the others. What stands
-- before the first colon of a group is its namespace, where it can be one.
CREATE INDEX entries_by_namespace_expiry ON entries (substr(group_name, 1, instr(group_name, ':') - 1), expires_at)
    WHERE expires_at IS NOT NULL;
