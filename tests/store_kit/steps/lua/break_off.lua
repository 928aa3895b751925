#!lua flags=no-writes
-- Breaks off, in a library or in its own text.
--
-- KEYS  prefix
-- ARGV  clock
--       where
if ARGV[2] == 'library' then
  trap.spring('a test')
end
return redis.call('NONSENSE')
