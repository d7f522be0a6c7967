-- Workspaces that were committed or discarded and whose files may still be there.
CREATE TABLE workspace_runs (
    run_id TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
