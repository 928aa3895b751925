#!lua flags=no-writes
-- Reads a customer's dedicated agent.
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       customer
-- Returns {'OK', dedicated_agent} | {'REFUSED', reason, metadata}
--         DEDICATED_AGENT_UNKNOWN
-- O(1).

local named = dedicated.show(ARGV[2])
if not named then return step.refuse('DEDICATED_AGENT_UNKNOWN', { customer_id = ARGV[2] }) end
return { 'OK', cjson.encode(named) }
