#!lua flags=allow-oom
-- Logs an agent out: no status, no Focus, every channel off.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us, initiator, own
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, REQUEST_ID_REUSED.
-- O(1).

local agent, answer = changes.begin(function(agent)
  return not agent.logged_in
end)
if answer then
  return answer
end
if not agent then
  return { 'AGENT_UNKNOWN' }
end
if not agent.logged_in then
  return changes.unchanged(agent, true)
end
transitions.log_out(agent)
return changes.commit(agent, {}, true)
