#!lua flags=no-writes
-- Everything an agent must see, and its number (R113).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agent
-- Returns {'OK', {number, offers, customers, routing_state}}
-- O(n) in what the agent has.

return { 'OK', cjson.encode(show.assignments(agents.get(ARGV[2]))) }
