#!lua flags=no-writes
-- Reads one agent.
--
-- KEYS  prefix
-- ARGV  clock, agent
-- Returns {'OK', agent} | {'AGENT_UNKNOWN'}
-- O(1).

local id = ARGV[2]

local agent = agents.read(id)
if not agent then
  return { 'AGENT_UNKNOWN' }
end
return { 'OK', agents.encode(agent) }
