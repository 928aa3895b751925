#!lua flags=allow-oom
-- Puts an agent Away with a reason, or gives the Away that it is in another one; ends Focus, but not in the way that
-- routes, and keeps the channels unless the tenant's settings say otherwise.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us, initiator, own
--       status    one of the Away list
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, AGENT_LOGGED_OUT, STATUS_UNKNOWN,
-- STATUS_NOT_AWAY, REQUEST_ID_REUSED.
-- O(n) in the number of statuses.

local status = ARGV[8]

local agent, answer = changes.begin(function(agent)
  return agent.away_ms and agent.status == status
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
if agent.away_ms and agent.status == status then
  return changes.unchanged(agent, true)
end
local refusal = statuses.refuse_away(status)
if refusal then
  return refusal
end
if agent.away_ms then
  agent.status = status
  agent.status_ms = agents.now()
  changes.happened(agent, 'away_reason_changed')
else
  transitions.go_away(agent, status)
end
return changes.commit(agent, {}, true)
