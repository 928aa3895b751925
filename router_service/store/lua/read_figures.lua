#!lua flags=no-writes
-- The figures of an agent: offers and what became of them, and how long declines held work back (R137, R211).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agent
--       first    number of the first day (UTC) since 1970
--       last     number of the last one
-- Returns {'OK', list of {day, group, and what there was of each}} | {'REFUSED', reason, metadata}
--         CURSOR_GONE
-- O(n) in the days and the agent's open offers.

local agent_id, first, last = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

if first < figures.day_of(clock.now()) - figures.OLDEST then return step.refuse('CURSOR_GONE') end
return { 'OK', cjson.encode(figures.of(agents.get(agent_id), first, last)) }
