#!lua flags=no-writes
-- Says whether a reader who stopped at a revision can still be told everything since.
--
-- KEYS  prefix
-- ARGV  clock
--       revision  the reader's
--       age_ms    how old a change may be
-- Returns {'KEPT'} | {'GONE'}
-- O(log n) in the length of the feed.

local revision, age_ms = tonumber(ARGV[2]), tonumber(ARGV[3])

if revision == 0 or not view.knows(revision) then
  return { 'GONE' }
end
local missed = redis.call('XRANGE', KEYS[1] .. 'feed', string.format('(%.0f-0', revision), '+', 'COUNT', 1)[1]
if missed and news.time_of(missed) < clock.now() - age_ms then
  return { 'GONE' }
end
return { 'KEPT' }
