-- Agents as routing knows them: their load, their place among the ready, what they hold.

agents.touched = {}
agents.loads = {}

-- An agent's record. Reading it makes nobody known.
function agents.get(id)
  return record.get(keys.agent(id), id)
end

-- Notes that the agent's state may have changed: the step's end brings `ready` and the agent's stream up to date.
function agents.touch(a)
  if not agents.touched[a.id] then
    agents.touched[a.id] = a
    agents.touched[#agents.touched + 1] = a
  end
end

-- Conversations that count against the messaging capacity, open offers included (R88): the size of a set.
function agents.load(a)
  if agents.loads[a.id] == nil then
    agents.loads[a.id] = redis.call('SCARD', keys.agent_load(a.id))
  end
  return agents.loads[a.id]
end

-- Counts a conversation, or no longer.
function agents.count(a, conversation_id, counts)
  redis.call(counts and 'SADD' or 'SREM', keys.agent_load(a.id), conversation_id)
  agents.loads[a.id] = nil
  agents.touch(a)
end

-- Ends a decline's stop and every pause (R139).
function agents.lift(a)
  a.decline_stop = ''
  for _, group in ipairs(settings.pushed_groups) do
    if a['pause_' .. group] ~= '' then
      a['pause_' .. group] = ''
      timers.cancel('pause:' .. group .. ':' .. a.id)
    end
  end
  agents.touch(a)
end

-- Holds a channel group back for a while (R117, R138, R142).
function agents.pause(a, group)
  local till = clock.now() + settings.miss_pause[group]
  a['pause_' .. group] = till
  timers.set('pause:' .. group .. ':' .. a.id, till)
  agents.touch(a)
end

-- The agent's place among the ready of a group (A13), as a score: who is lower goes first, then the agent's id.
-- Voice: since when the agent is free for calls. Messaging: load, then the time of the last assignment.
function agents.rank(a, group)
  if group == 'VOICE' then return record.number(a, 'voice_free_time') end
  return agents.load(a) * 1e13 + record.number(a, 'messaging_time')
end

function agents.inboxes(a)
  return redis.call('SMEMBERS', keys.agent_inboxes(a.id))
end

-- Brings the agent's place in the ready sets up to date. An agent who became ready makes the queues of its inboxes
-- worth a look.
function agents.refresh(a)
  local voice = can.hold(a, 'VOICE')
  -- A ringing call is not yet a call: who loses it to a hang-up keeps the place (the call's end starts anew).
  local free = voice == nil or voice == 'CALL_RINGING'
  if free and a.voice_free_time == '' then a.voice_free_time = clock.now() end
  if not free then a.voice_free_time = '' end
  for _, group in ipairs(settings.pushed_groups) do
    local rank = ''
    if can.hold(a, group) == nil then rank = string.format('%.0f', agents.rank(a, group)) end
    local field = 'ready_' .. group
    if rank ~= a[field] then
      for _, inbox in ipairs(agents.inboxes(a)) do
        if rank == '' then
          redis.call('ZREM', keys.ready(inbox, group), a.id)
        else
          redis.call('ZADD', keys.ready(inbox, group), rank, a.id)
          if a[field] == '' then match.look(inbox, group) end
        end
      end
      a[field] = rank
    end
  end
end
