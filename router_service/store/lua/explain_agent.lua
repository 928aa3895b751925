#!lua flags=no-writes
-- Why an agent gets work or none: who is first in line in each channel group, what keeps it from coming by itself, and
-- what a request would bring.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agent
-- Returns {'OK', {agent_id, groups, by_availability, by_topics}} | {'REFUSED', reason, metadata}
--         AGENT_UNKNOWN
-- O(log n) in those who wait, times the agent's inboxes.

local a = agents.get(ARGV[2])
if not record.exists(a) then return step.refuse('AGENT_UNKNOWN', { agent_id = a.id }) end
queue.mends = false
return { 'OK', cjson.encode(explain.agent(a)) }
