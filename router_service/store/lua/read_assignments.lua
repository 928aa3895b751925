#!lua flags=no-writes
-- Everything an agent must see, and its number (R113).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agent
-- Returns {'OK', {number, offers, customers, routing_state}}
-- O(n) in what the agent has.

local a = agents.get(ARGV[2])
local open = {}
local offer_ids = redis.call('SMEMBERS', keys.agent_offers(a.id))
table.sort(offer_ids)
for _, id in ipairs(offer_ids) do open[#open + 1] = show.offer(offers.get(id)) end
local customers = {}
for _, entry in ipairs(redis.call('ZRANGE', keys.agent_customers(a.id), 0, -1)) do
  customers[#customers + 1] = show.customer(a, entry)
end
return { 'OK', cjson.encode({
  number = record.number(a, 'number'), offers = open, customers = customers,
  routing_state = show.routing_state(a),
}) }
