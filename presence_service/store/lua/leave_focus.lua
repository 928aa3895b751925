-- Ends an agent's Focus in the way that routes.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us, initiator, own
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, AGENT_LOGGED_OUT, REQUEST_ID_REUSED.
-- O(1).

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
if not agent.focus_ms then
  return changes.unchanged(agent, false)
end
transitions.end_focus(agent)
return changes.commit(agent, { 'focus_left_revision' }, false)
