#!lua flags=no-writes
-- What some agents are doing here, for presence to put nobody Away who is busy (R37, R38).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agents   one argument each
-- Returns {'OK', list of {agent_id, on_call, connected, command_ms, call_end_ms, connected_ms}} in the order asked;
--         times are 0 for never, and all are of an agent nobody knows
-- O(n) in the agents asked for.

local activities = {}
for i = 2, #ARGV do
  local a = redis.call('HMGET', keys.agent(ARGV[i]), 'call', 'command_time', 'call_end_time', 'dialling')
  local connected, seen = streams.look(ARGV[i])
  activities[#activities + 1] = {
    agent_id = ARGV[i], on_call = a[1] ~= false or a[4] ~= false, connected = connected,
    command_ms = tonumber(a[2] or 0), call_end_ms = tonumber(a[3] or 0), connected_ms = seen,
  }
end
return { 'OK', cjson.encode(activities) }
