#!lua flags=allow-oom
-- Gives a snapshot of the tenant a revision of its own, newer than every change before it.
--
-- KEYS  prefix
-- ARGV  clock
-- Returns {'OK', revision, previous}
-- O(1).

local revision, previous = news.append()
return { 'OK', revision, previous }
