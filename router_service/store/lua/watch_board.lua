#!lua flags=allow-oom
-- Notes that a replica has watchers of the live board, and says where to look again.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       after    the number of the last change that the replica knows, 0 for none
-- Returns {'OK', {number, now, whole, changed}}: the number reached, the time, whether everything is to be looked at
--         again, and otherwise what has changed, as `inbox:<id>` and `agent:<id>`
-- O(log n) in the inboxes and agents, and O(n) in what has changed, at most 2,000.

-- So long after a replica has last asked, nobody watches. It asks about once a second, and later only while it reads
-- large inboxes, which takes seconds; on the store's raw clock, also under the manual clock: it is about processes.
local WATCHED_US = 30000000
-- Where more has changed, everything is looked at again.
local MOST = 2000

-- Notes that a replica has watchers. Returns the number of the last change, and the first from which on all changes are
-- known: nothing was noted while nobody watched, and a server that was restarted may have lost some.
local function watch()
  local known = redis.call('HMGET', keys.board(), 'until', 'number', 'since', 'server')
  local number, since = tonumber(known[2]) or 0, tonumber(known[3])
  if (tonumber(known[1]) or 0) <= clock.raw_us() or known[4] ~= clock.server() then
    -- More than any replica may still know from before.
    number = math.max(number + 1, clock.raw_us())
    since = number
    redis.call('DEL', keys.board_changes())
  end
  redis.call(
    'HSET', keys.board(), 'until', string.format('%.0f', clock.raw_us() + WATCHED_US),
    'number', string.format('%.0f', number), 'since', string.format('%.0f', since), 'server', clock.server())
  redis.call('PEXPIRE', keys.board(), board.kept)
  return number, since
end

local after = tonumber(ARGV[2])
local number, since = watch()
local whole = after < since
local changed = {}
if not whole then
  changed = redis.call('ZRANGE', keys.board_changes(), '(' .. ARGV[2], '+inf', 'BYSCORE', 'LIMIT', 0, MOST + 1)
  whole = #changed > MOST
end
-- A number has more digits than JSON keeps.
number = string.format('%.0f', number)
return { 'OK', cjson.encode({ number = number, now = clock.now(), whole = whole, changed = changed }) }
