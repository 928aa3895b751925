-- Which agents have a stream open, on any replica of the router, and when one was last seen open (R38).

-- A replica that has been silent for longer is taken for lost, and its streams with it. It says once a second that it
-- lives. Silence is counted on the store's raw clock, also under the manual clock: it is about processes.
local LOST_US = 5000000
-- What lost replicas said last is kept this long.
local KEPT_US = 24 * 3600 * 1000000

function streams.reset()
  streams.said = nil
end

-- When each replica last said that it lives, as {raw_us, ms}.
function streams.replicas()
  if not streams.said then
    streams.said = {}
    local flat = redis.call('HGETALL', keys.replicas())
    for i = 1, #flat, 2 do
      local raw_us, ms = string.match(flat[i + 1], '^(%d+) (%d+)$')
      streams.said[flat[i]] = { raw_us = tonumber(raw_us), ms = tonumber(ms) }
    end
  end
  return streams.said
end

-- Notes that a replica lives, and forgets those that have long been lost.
function streams.beat(replica)
  for id, said in pairs(streams.replicas()) do
    if clock.raw_us() - said.raw_us > KEPT_US then
      redis.call('HDEL', keys.replicas(), id)
      streams.said[id] = nil
    end
  end
  redis.call('HSET', keys.replicas(), replica, string.format('%.0f %.0f', clock.raw_us(), clock.now()))
  streams.said[replica] = { raw_us = clock.raw_us(), ms = clock.now() }
end

-- Whether a stream of the agent is open, when one was last seen open (ms, 0 for never), and the lost replicas among
-- those that have one noted: their streams were last seen when they said that they live.
function streams.look(agent_id)
  local is_open, seen, lost = false, 0, {}
  local flat = redis.call('HGETALL', keys.agent_streams(agent_id))
  for i = 1, #flat, 2 do
    local said = streams.replicas()[flat[i]]
    local time = tonumber(flat[i + 1])
    if said and math.abs(clock.raw_us() - said.raw_us) <= LOST_US then
      is_open, time = true, clock.now()
    elseif flat[i] ~= 'closed' then
      lost[#lost + 1] = flat[i]
      time = said and said.ms or time
    end
    seen = math.max(seen, time)
  end
  return is_open, seen, lost
end

-- Notes that a stream of the agent is open on a replica that lives.
function streams.open(agent_id, replica)
  redis.call('HSETNX', keys.agent_streams(agent_id), replica, clock.now())
end

-- Notes that no stream of the agent is open on a replica any more. Of an agent whom nobody knows nothing is kept.
function streams.close(agent_id, replica)
  if redis.call('HDEL', keys.agent_streams(agent_id), replica) == 0 then return end
  local is_open, _, lost = streams.look(agent_id)
  if not is_open and redis.call('EXISTS', keys.agent(agent_id)) == 0 then
    redis.call('DEL', keys.agent_streams(agent_id))
    return
  end
  if #lost > 0 then redis.call('HDEL', keys.agent_streams(agent_id), unpack(lost)) end
  redis.call('HSET', keys.agent_streams(agent_id), 'closed', clock.now())
end

-- Drops what lost replicas have left, but for when a stream was last seen open.
function streams.drop_lost(agent_id)
  local _, seen, lost = streams.look(agent_id)
  if #lost == 0 then return end
  redis.call('HDEL', keys.agent_streams(agent_id), unpack(lost))
  redis.call('HSET', keys.agent_streams(agent_id), 'closed', seen)
end
