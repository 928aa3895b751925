-- Logs an agent in with the tenant's default Active status and every channel off; makes the agent known. One that is
-- logged in stays as it is, but for the session's length where one is given.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us, initiator, own
--       session_ms  how long the agent's app may be silent, '' for as long as it likes
-- Returns as lib/changes.lua says; refusals: REQUEST_ID_REUSED.
-- O(n) in the number of statuses.

local id, session_ms = ARGV[2], ARGV[8]

local agent, answer = changes.begin()
if answer then
  return answer
end
if agent and agent.logged_in then
  if session_ms ~= '' then
    agent.alive_ms = agents.now()
    agents.note_signs(id, agent.activity_ms, agent.alive_ms)
    if session_ms ~= agent.session_ms then
      agent.session_ms = session_ms
      return changes.commit(agent, {}, false)
    end
  end
  return changes.unchanged(agent, false)
end
agent = agent or { agent_id = id, toggles = '' }
agent.logged_in = '1'
agent.log_in_ms = agents.now()
agent.status = statuses.read().default
agent.status_ms = agent.log_in_ms
agent.session_ms = session_ms ~= '' and session_ms or nil
agent.activity_ms = agent.log_in_ms
agent.alive_ms = agent.log_in_ms
changes.happened(agent, 'logged_in')
return changes.commit(agent, { 'logged_in_revision' }, false)
