#!lua flags=no-writes
-- Reads entries of the log of events, oldest first.
--
-- KEYS  prefix  the tenant's prefix
-- ARGV  mode    real | manual
--       from    an entry's id, '0-0' for the beginning, NEWEST for the last entry only, '@' and ms for a time
--       age     how old, in ms, what is told may be
--       most    entries to read
-- Returns {'OK', horizon, {id, told}...}: the time in ms before which nothing is to be told, and entries as
--         lib/events.lua says; first the one asked for, or those of the time, after some from before it | {'GONE'}:
--         that entry is not kept
-- O(log n + most) in the length of the log.

local from, age, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

-- Whether entries are gone from the log's beginning.
local function is_trimmed()
  if redis.call('EXISTS', keys.events()) == 0 then return false end
  local about, said = redis.call('XINFO', 'STREAM', keys.events()), {}
  for i = 1, #about, 2 do said[about[i]] = about[i + 1] end
  return said['entries-added'] > said.length
end

-- The id to begin at for everything that happened at a time or later. Halves what is left to look at: ids are times
-- only under the real clock, but rise with them under either. Of entries of one millisecond some may be from before.
local function first_since(ms)
  local last = redis.call('XREVRANGE', keys.events(), '+', '-', 'COUNT', 1)[1]
  local low, high = 0, last and tonumber(string.match(last[1], '^%d+')) or 0
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call('XRANGE', keys.events(), string.format('%.0f-0', middle), '+', 'COUNT', 1)[1]
    if entry and tonumber(string.match(entry[2][2], '^%d+')) < ms then
      low = tonumber(string.match(entry[1], '^%d+')) + 1
    else
      high = middle
    end
  end
  return string.format('%.0f-0', math.max(low - 1, 0))
end

local horizon = clock.now() - age
local found
if from == 'NEWEST' then
  found = redis.call('XREVRANGE', keys.events(), '+', '-', 'COUNT', 1)
elseif string.sub(from, 1, 1) == '@' then
  local since = math.max(tonumber(string.sub(from, 2)), horizon)
  found = redis.call('XRANGE', keys.events(), first_since(since), '+', 'COUNT', most)
else
  found = redis.call('XRANGE', keys.events(), from, '+', 'COUNT', most)
  local is_held = from == '0-0' and not is_trimmed() or found[1] and found[1][1] == from
  if not is_held then return { 'GONE' } end
end
local answer = { 'OK', string.format('%.0f', horizon) }
for i, entry in ipairs(found) do answer[i + 2] = { entry[1], entry[2][2] } end
return answer
