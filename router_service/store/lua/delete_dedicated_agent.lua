#!lua flags=allow-oom
-- Leaves a customer without a dedicated agent.
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       customer
-- Returns {'OK', {}, changes, unsettled}
-- O(1).

dedicated.remove(ARGV[2])
return step.done()
