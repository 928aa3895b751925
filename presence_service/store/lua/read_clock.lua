#!lua flags=no-writes
-- Reads the time.
--
-- KEYS  prefix
-- ARGV  clock
-- Returns {'OK', now}, in ms
-- O(1).

return { 'OK', agents.now() }
