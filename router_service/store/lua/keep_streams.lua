#!lua flags=allow-oom
-- Notes that a replica lives and that streams of these agents are open on it, should that have been lost. Answers the
-- numbers of what the agents must see, for streams to tell whether they missed something, and how many wait in the
-- agents' inboxes (R48).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       replica
--       agents   one argument each
-- Returns {'OK', {number, waiting...}, ...} in the order asked, waiting by channel group
-- O(n) in the agents asked for and their inboxes, and in the replicas, which are few.

local replica = ARGV[2]

runs.begin()
streams.beat(replica)
local said = { 'OK' }
for i = 3, #ARGV do
  streams.open(ARGV[i], replica)
  said[#said + 1] = show.waiting(ARGV[i])
  table.insert(said[#said], 1, runs.reached(redis.call('HGET', keys.agent(ARGV[i]), 'number')))
end
return said
