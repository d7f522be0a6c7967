-- The newest commits of a store that was not closed can be in a file beside the database. An older
-- version would not look for them.
SELECT 1;
