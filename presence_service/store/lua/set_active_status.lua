-- Gives an agent a named Active status; for one who is Away that is the return, and then the change (R24).
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us, initiator, own
--       status    one of the Active list
--       away_status  why the agent was Away, one of the Away list; counts after idling
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, AGENT_LOGGED_OUT, STATUS_UNKNOWN,
-- STATUS_NOT_ACTIVE, STATUS_NOT_AWAY, AWAY_REASON_REQUIRED, REQUEST_ID_REUSED.
-- O(n) in the number of statuses.

local status, away_status = ARGV[8], ARGV[9]

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
if agent.status == status and not agent.away_ms then
  return changes.unchanged(agent, false)
end
local refusal = statuses.refuse_active(status)
if not refusal and not agent.status then
  refusal = away_status == '' and { 'AWAY_REASON_REQUIRED' } or statuses.refuse_away(away_status)
end
if refusal then
  return refusal
end
local edges = {}
if agent.away_ms then
  edges = transitions.come_back(agent, away_status)
end
if agent.status ~= status then
  transitions.choose(agent, status)
end
return changes.commit(agent, edges, false)
