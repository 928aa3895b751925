-- Brings an agent back from Away with the tenant's default Active status; the channels count again.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, AGENT_LOGGED_OUT, REQUEST_ID_REUSED.
-- O(n) in the number of statuses.

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
if not agent.away then
  return changes.unchanged(agent, false)
end
return changes.commit(agent, agents.come_back(agent, statuses.read().default), false)
