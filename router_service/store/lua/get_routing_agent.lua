#!lua flags=no-writes
-- Reads what the router knows of an agent by itself.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agent
-- Returns {'OK', agent} | {'REFUSED', reason, metadata}
--         AGENT_UNKNOWN
-- O(1).

local a = agents.get(ARGV[2])

if not record.exists(a) then return step.refuse('AGENT_UNKNOWN', { agent_id = a.id }) end
return { 'OK', cjson.encode(show.agent(a)) }
