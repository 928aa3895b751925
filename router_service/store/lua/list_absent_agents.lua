#!lua flags=no-writes
-- Lists agents who are Away or logged out while customers wait for their answer.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       after    the revision up to which agents were looked at, '0' for the first page
-- Returns {'OK', {agents, next}}; next is '' on the last page
-- O(n) in a slice of the agents.

local MOST = 500

local found = redis.call('ZRANGE', keys.viewed(), '(' .. ARGV[2], '+inf', 'BYSCORE', 'LIMIT', 0, MOST, 'WITHSCORES')
local absent = {}
for i = 1, #found, 2 do
  local first = redis.call('ZRANGE', keys.agent_unhelped(found[i]), 0, 0, 'WITHSCORES')
  if first[1] then
    local a = agents.get(found[i])
    if a.logged_in == '' or a.away == '1' then
      absent[#absent + 1] = {
        agent_id = a.id, hold = can.presence_hold(a), oldest_time = tonumber(first[2]),
        unhelped = redis.call('ZCARD', keys.agent_unhelped(a.id)),
      }
    end
  end
end
return { 'OK', cjson.encode({ agents = absent, next = #found == 2 * MOST and found[#found] or '' }) }
