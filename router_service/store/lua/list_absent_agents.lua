#!lua flags=no-writes
-- Lists agents who are Away or logged out while customers wait for their answer.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       done     how many agents were looked at before, '0' for the first page
-- Returns {'OK', {agents, next}}; next is '' on the last page
-- O(n) in a slice of the agents.

local MOST = 500

-- Newest state first: whoever changes between two pages makes others come twice, never not at all.
local done = tonumber(ARGV[2])
local found = redis.call('ZRANGE', keys.viewed(), done, done + MOST - 1, 'REV')
local absent = {}
for _, id in ipairs(found) do
  local first = redis.call('ZRANGE', keys.agent_unhelped(id), 0, 0, 'WITHSCORES')
  if first[1] then
    local a = agents.get(id)
    if a.logged_in == '' or a.away == '1' then
      absent[#absent + 1] = {
        agent_id = a.id, hold = can.presence_hold(a), oldest_time = tonumber(first[2]),
        unhelped = redis.call('ZCARD', keys.agent_unhelped(a.id)),
      }
    end
  end
end
return { 'OK', cjson.encode({ agents = absent, next = #found == MOST and tostring(done + MOST) or '' }) }
