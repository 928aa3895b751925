#!lua flags=allow-oom
-- Replaces the set of channel groups an agent has on; each that was off is an edge.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us, initiator, own
--       toggles   the groups to be on, in order, joined by commas
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, AGENT_LOGGED_OUT, AGENT_IN_FOCUS,
-- REQUEST_ID_REUSED.
-- O(1).

local toggles = ARGV[8]

local agent, answer = changes.begin(function(agent)
  return agent.toggles == toggles and agents.leaves_off(toggles)
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
if agent.focus_ms then
  return { 'AGENT_IN_FOCUS' }
end
if agent.toggles == toggles then
  return changes.unchanged(agent, agents.leaves_off(toggles))
end
local edges = agents.switched_on(agent.toggles, toggles)
local revokes = agents.switches_off(agent.toggles, toggles)
agent.toggles = toggles
changes.happened(agent, 'availability_updated')
return changes.commit(agent, edges, revokes)
