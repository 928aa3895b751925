-- Gives an agent a named Active status; for one who is Away that is also the return.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us
--       status    one of the Active list
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, AGENT_LOGGED_OUT, STATUS_UNKNOWN,
-- STATUS_NOT_ACTIVE, REQUEST_ID_REUSED.
-- O(n) in the number of statuses.

local status = ARGV[6]

local agent, answer = changes.begin()
if answer then
  return answer
end
if not agent then
  return { 'AGENT_UNKNOWN' }
end
if not agent.logged_in then
  return { 'AGENT_LOGGED_OUT' }
end
if agent.status == status and not agent.away then
  return changes.unchanged(agent, false)
end
local chosen = statuses.find(statuses.read(), status)
if not chosen then
  return { 'STATUS_UNKNOWN' }
end
if chosen.kind ~= 'active' then
  return { 'STATUS_NOT_ACTIVE' }
end
if agent.away then
  return changes.commit(agent, agents.come_back(agent, status), false)
end
agent.status = status
agent.status_ms = agents.now()
return changes.commit(agent, {}, false)
