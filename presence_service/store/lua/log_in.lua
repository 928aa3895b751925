-- Logs an agent in with the tenant's default Active status and every channel off; makes the agent known.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us
-- Returns as lib/changes.lua says; refusals: REQUEST_ID_REUSED.
-- O(n) in the number of statuses.

local id = ARGV[2]

local agent, answer = changes.begin()
if answer then
  return answer
end
if agent and agent.logged_in then
  return changes.unchanged(agent, false)
end
agent = agent or { agent_id = id, toggles = '' }
agent.logged_in = '1'
agent.log_in_ms = agents.now()
agent.status = statuses.read().default
agent.status_ms = agents.now()
return changes.commit(agent, { 'logged_in_revision' }, false)
