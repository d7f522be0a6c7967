-- Of an entry: see store/internal/kv/checksum.go. NULL until the entry is written again, or read by
-- the scrubber.
ALTER TABLE entries ADD COLUMN checksum INTEGER;
