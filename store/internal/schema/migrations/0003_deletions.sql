-- Groups that the log has deleted and whose rows are still being removed: a row of
-- entries whose revision is not above its group's here is not there.
CREATE TABLE deletions (
    group_name TEXT    NOT NULL PRIMARY KEY,
    revision   INTEGER NOT NULL
) WITHOUT ROWID;

-- Groups keep their row for a while after their last key: this passes over them.
CREATE INDEX groups_with_keys ON groups (group_name) WHERE keys > 0;
