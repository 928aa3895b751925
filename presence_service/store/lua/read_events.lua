#!lua flags=no-writes
-- Reads entries of the feed for whoever looks back at what happened, oldest first.
--
-- KEYS  prefix
-- ARGV  clock
--       cursor    the entry to begin at, by its revision; 0 to begin by time
--       from_ms   the time to begin at, where there is no cursor; '' for as far back as may be told
--       age_ms    how old what is told may be
--       limit     the most entries to read, two or more
-- Returns {'OK', entry...}, entries as XRANGE returns them | {'GONE'}
-- O(log n + limit) in the length of the feed.

local cursor, from_ms, age_ms, limit = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

local horizon = clock.now() - age_ms
if cursor == '0' then
  if from_ms and from_ms < horizon then
    return { 'GONE' }
  end
  return { 'OK', unpack(news.read(news.first_since(from_ms or horizon), limit)) }
end
local entries = news.read(cursor .. '-0', limit)
local is_held = entries[1] and entries[1][1] == cursor .. '-0'
if not is_held or (entries[2] and news.time_of(entries[2]) < horizon) then
  return { 'GONE' }
end
return { 'OK', unpack(entries) }
