#!lua flags=allow-oom
-- Notes that an agent is on the settings page, where nothing is routed to them, or that they left it: an edge.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us, initiator, own
--       in_settings  1 or nothing
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, AGENT_LOGGED_OUT, REQUEST_ID_REUSED.
-- O(1).

local on = ARGV[8] == '1'

local agent, answer = changes.begin(function(agent)
  return on and agent.in_settings ~= nil
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
if on == (agent.in_settings ~= nil) then
  return changes.unchanged(agent, on)
end
transitions.set_in_settings(agent, on)
return changes.commit(agent, on and {} or { 'left_settings_revision' }, on)
