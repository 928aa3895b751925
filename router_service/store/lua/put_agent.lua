-- Sets what the router is to know of an agent by itself: limits of their own (R93), and skills.
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       standard  up to how many messaging conversations are pushed, '' for the tenant's
--       maximum   up to how many a request brings, '' for the tenant's
--       skills    what the agent has, as lib/skills.lua says
-- Returns {'OK', agent, changes, unsettled}
-- O(log n) in those who wait and those who are ready.

local a = agents.get(ARGV[2])

a.known = '1'
a.standard_messaging_capacity = ARGV[3]
a.maximum_messaging_capacity = ARGV[4]
agents.set_skills(a, ARGV[5])
agents.touch(a)
return step.done(function() return show.agent(a) end)
