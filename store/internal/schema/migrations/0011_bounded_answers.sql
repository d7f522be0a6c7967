-- How many bytes of the answer count against the bound of its namespace.
ALTER TABLE retries ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
