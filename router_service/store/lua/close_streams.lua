#!lua flags=allow-oom
-- Notes that no stream of these agents is open on a replica any more.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       replica
--       agents   one argument each
-- Returns {'OK'}
-- O(n) in the agents, and in the replicas, which are few.

local replica = ARGV[2]

for i = 3, #ARGV do streams.close(ARGV[i], replica) end
return { 'OK' }
