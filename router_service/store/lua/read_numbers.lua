#!lua flags=no-writes
-- The numbers of what some agents must see, for streams to tell whether they missed something.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agents   one argument each
-- Returns {'OK', number, ...} in the order asked
-- O(n) in the agents asked for.

local numbers = { 'OK' }
for i = 2, #ARGV do
  numbers[i] = tonumber(redis.call('HGET', keys.agent(ARGV[i]), 'number') or 0)
end
return numbers
