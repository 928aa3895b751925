-- Counts its runs.
--
-- KEYS  prefix
-- ARGV  clock
-- Returns {'OK', runs}
return { 'OK', redis.call('INCR', KEYS[1] .. 'runs') }
