#!lua flags=allow-oom
-- Notes that a replica lives and that streams of these agents are open on it, should that have been lost. Answers the
-- numbers of what the agents must see, for streams to tell whether they missed something.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       replica
--       agents   one argument each
-- Returns {'OK', number, ...} in the order asked
-- O(n) in the agents asked for, and in the replicas, which are few.

local replica = ARGV[2]

streams.beat(replica)
local numbers = { 'OK' }
for i = 3, #ARGV do
  streams.open(ARGV[i], replica)
  numbers[#numbers + 1] = tonumber(redis.call('HGET', keys.agent(ARGV[i]), 'number') or 0)
end
return numbers
