-- Lets an agent be given work again, as their presence says (R188).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agent
-- Returns {'OK', agent, changes, unsettled} | {'REFUSED', reason, metadata}
--         AGENT_UNKNOWN
-- O(log n) in those who wait and those who are ready.

local a = agents.get(ARGV[2])
if not record.exists(a) then return step.refuse('AGENT_UNKNOWN', { agent_id = a.id }) end

agents.activate(a)
return step.done(function() return show.agent(a) end)
