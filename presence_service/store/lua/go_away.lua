#!lua flags=allow-oom
-- Puts an agent Away with a reason; ends Focus, but not in the way that routes, and keeps the channels
-- unless the tenant's settings say otherwise.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us
--       status    one of the Away list
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, AGENT_LOGGED_OUT, STATUS_UNKNOWN,
-- STATUS_NOT_AWAY, REQUEST_ID_REUSED.
-- O(n) in the number of statuses.

local status = ARGV[6]

local agent, answer = changes.begin(function(agent)
  return agent.away and agent.status == status
end)
if answer then
  return answer
end
if not agent then
  return { 'AGENT_UNKNOWN' }
end
if not agent.logged_in then
  return { 'AGENT_LOGGED_OUT' }
end
if agent.away and agent.status == status then
  return changes.unchanged(agent, true)
end
local chosen = statuses.find(statuses.read(), status)
if not chosen then
  return { 'STATUS_UNKNOWN' }
end
if chosen.kind ~= 'away' then
  return { 'STATUS_NOT_AWAY' }
end
if not agent.away and settings.is_on('away_clears_availability') then
  agent.toggles = ''
end
agent.away = '1'
agent.status = status
agent.status_ms = agents.now()
agent.focus_ms = nil
return changes.commit(agent, {}, true)
