-- The values of entries that are too large for the row of their entry: a search among the rows would
-- read them. entry_value of such an entry is a BLOB, the id as text. See store/internal/largevalue.
CREATE TABLE large_values (
    id       INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL, -- of the entry
    value    TEXT    NOT NULL  -- any bytes
);

-- The revision tells the value of a damaged entry from that of another.
CREATE TRIGGER large_values_replaced AFTER UPDATE OF entry_value ON entries
WHEN typeof(old.entry_value) = 'blob' AND old.entry_value IS NOT new.entry_value
BEGIN
    DELETE FROM large_values WHERE id = CAST(old.entry_value AS INTEGER) AND revision = old.revision;
END;
