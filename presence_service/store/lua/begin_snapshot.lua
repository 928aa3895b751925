#!lua flags=allow-oom
-- Gives a snapshot of the tenant a revision of its own, newer than every change before it.
--
-- KEYS  prefix
-- ARGV  clock
-- Returns {'OK', revision, previous}
-- O(1).

local revision, previous = revisions.next()
local stamp, before = string.format('%.0f', revision), string.format('%.0f', previous)
feed.append(revision, 'previous', before)
bell.ring('changed', stamp .. ' ' .. bell.tenant())
return { 'OK', stamp, before }
