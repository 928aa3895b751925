#!lua flags=no-writes
-- Reads the statuses, removed ones included.
--
-- KEYS  prefix
-- ARGV  clock
-- Returns {'OK', catalogue}, as lib/statuses.lua says.
-- O(1).

return { 'OK', statuses.text() }
