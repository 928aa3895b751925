#!lua flags=allow-oom
-- Notes that a stream of an agent is open on a replica, and answers what the stream begins with.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       agent
--       replica
--       resume   number that the stream goes on from, '' for none
-- Returns {'OK', {number, offers, customers, routing_state}}, {'OK', ''} if the number is that of the agent
-- O(n) in what the agent has; O(1) if the number is that of the agent. And in the replicas, which are few.

local agent_id, replica, resume = ARGV[2], ARGV[3], ARGV[4]

runs.begin()
streams.beat(replica)
streams.drop_lost(agent_id)
streams.open(agent_id, replica)
if resume ~= '' and tonumber(resume) == runs.reached(redis.call('HGET', keys.agent(agent_id), 'number')) then
  return { 'OK', '' }
end
return { 'OK', cjson.encode(show.assignments(agents.get(agent_id))) }
