#!lua flags=allow-oom
-- Pauses routing to an agent who is not Away and has a channel on; the channels stay as they are.
--
-- KEYS  prefix
-- ARGV  clock, agent, request_id, fingerprint, window_us, initiator, own
-- Returns as lib/changes.lua says; refusals: AGENT_UNKNOWN, AGENT_LOGGED_OUT, AGENT_AWAY,
-- NO_CHANNEL_ON, FOCUS_NOT_ENABLED, REQUEST_ID_REUSED.
-- O(1).

local agent, answer = changes.begin(function(agent)
  return agent.focus_ms ~= nil
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
  return changes.unchanged(agent, true)
end
if not settings.is_on('focus_enabled') then
  return { 'FOCUS_NOT_ENABLED' }
end
if agent.away_ms then
  return { 'AGENT_AWAY' }
end
if agent.toggles == '' then
  return { 'NO_CHANNEL_ON' }
end
agent.focus_ms = agents.now()
changes.happened(agent, 'focus_entered')
return changes.commit(agent, {}, true)
