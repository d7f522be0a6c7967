-- The log is trimmed by namespace. So a row of commits can have changes that its namespaces no
-- longer have a row for here: those are gone.
--
-- bytes is the size of the changes of the row, and bytes_total of all that the namespace ever
-- logged, with the row, so that what is retained is a subtraction. For a commit from before, bytes
-- is the size of the whole commit.
ALTER TABLE namespace_commits RENAME TO former_namespace_commits;

CREATE TABLE namespace_commits (
    namespace      TEXT    NOT NULL,
    first_revision INTEGER NOT NULL,
    commit_id      INTEGER NOT NULL,
    bytes          INTEGER NOT NULL,
    bytes_total    INTEGER NOT NULL,
    PRIMARY KEY (namespace, first_revision)
) WITHOUT ROWID;

INSERT INTO namespace_commits
SELECT namespace, first_revision, commit_id, size, sum(size) OVER (PARTITION BY namespace ORDER BY first_revision)
FROM (
    SELECT namespace, first_revision, commit_id, ifnull(octet_length(changes), 0) AS size
    FROM former_namespace_commits LEFT JOIN commits ON id = commit_id
);
DROP TABLE former_namespace_commits;

-- How many bytes of a commit are gone but still in its row.
CREATE TABLE commits_thinned (
    commit_id INTEGER PRIMARY KEY,
    bytes     INTEGER NOT NULL
);

-- How many bytes of all that was ever logged are no longer in commits.
INSERT INTO meta (name, value)
SELECT 'log_gone', ifnull((SELECT bytes_total - octet_length(changes) FROM commits ORDER BY id LIMIT 1), 0);
