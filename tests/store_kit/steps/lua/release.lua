#!lua flags=allow-oom
-- A step that ends something: allowed when memory is full.
--
-- KEYS  prefix
-- ARGV  clock
-- Returns {'OK', keys removed}
return { 'OK', redis.call('DEL', KEYS[1] .. 'runs') }
