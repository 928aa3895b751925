-- Brings an agent back from Away with the tenant's default Active status; the channels count again.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us, initiator, own
--       away_status  why the agent was Away, one of the Away list; counts after idling
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, AGENT_LOGGED_OUT, STATUS_UNKNOWN, STATUS_NOT_AWAY,
-- AWAY_REASON_REQUIRED, REQUEST_ID_REUSED.
-- O(n) in the number of statuses.

local away_status = ARGV[8]

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
if not agent.away_ms then
  return changes.unchanged(agent, false)
end
if not agent.status then
  local refusal = away_status == '' and { 'AWAY_REASON_REQUIRED' } or statuses.refuse_away(away_status)
  if refusal then
    return refusal
  end
end
return changes.commit(agent, transitions.come_back(agent, away_status), false)
