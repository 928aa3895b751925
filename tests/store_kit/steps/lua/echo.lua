#!lua flags=no-writes
-- Answers with what it was given.
--
-- KEYS  prefix
-- ARGV  clock
--       text
-- Returns {'OK', text, prefix}
return { 'OK', ARGV[2], KEYS[1] }
