#!lua flags=allow-oom
-- Deactivates an agent: nobody and nothing gives them work any more, their offers are withdrawn, and a slice of what
-- they have goes back to its places in the queues; calls go on (R188).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agent
--       goes_on  '1' for a slice after the first: it deactivates nobody who was activated meanwhile, '' for the first
--       by       who asked for it, as kind/id, '' if they did not say (R223)
-- Returns {'OK', {agent, released, more}, changes, unsettled} | {'REFUSED', reason, metadata}; released is a number of
--         customers and tasks, more is true if there are others left for the next call
--         AGENT_UNKNOWN
-- O(log n) in those who wait, times the agent's offers and a slice of their customers.

local a, goes_on, by = agents.get(ARGV[2]), ARGV[3], ARGV[4]
if not record.exists(a) then return step.refuse('AGENT_UNKNOWN', { agent_id = a.id }) end

events.by = by
if goes_on == '' then agents.deactivate(a) end
local released, more = agents.release(a)
return step.done(function() return { agent = show.agent(a), released = released, more = more } end)
