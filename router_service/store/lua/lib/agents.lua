-- Agents as routing knows them: their load, their place among the ready, what they hold.

function agents.reset()
  agents.touched = {}
  agents.loads = {}
end

-- An agent's record. Reading it makes nobody known.
function agents.get(id)
  return record.get(keys.agent(id), id)
end

-- Whether nobody gives the agent with this id any work, '' for no agent (R188).
function agents.is_deactivated(id)
  return id ~= '' and agents.get(id).deactivate_time ~= ''
end

-- Why an agent can't be given work by name, and what the message names; nil if they can.
function agents.refusal(id)
  local about = { agent_id = id }
  if not record.exists(agents.get(id)) then return 'AGENT_UNKNOWN', about end
  if agents.is_deactivated(id) then return 'AGENT_DEACTIVATED', about end
  return nil
end

-- So many customers and tasks of a deactivated agent one step takes.
local MOST_RELEASED = 50
-- If the service that deactivates an agent stops halfway, it goes on by itself after this time.
local RELEASE_RETRY = 1000

-- Takes a slice of what a deactivated agent has: each goes back to its place in the queue, and calls go on (R188).
-- Returns how many were taken, and whether there may be more: none of what an agent has who is active again by now.
function agents.release(a)
  if a.deactivate_time == '' then return 0, false end
  local released = 0
  for _, entry in ipairs(redis.call('ZRANGE', keys.agent_customers(a.id), 0, -1)) do
    if released == MOST_RELEASED then break end
    local task = string.match(entry, '^task:(.+)$')
    if task then
      contacts.place_task(contacts.get(task), '', 'USER_DEACTIVATED')
      released = released + 1
    elseif conversations.free(conversations.get(string.match(entry, '^conversation:(.+)$'))) then
      released = released + 1
    end
  end
  local more = released == MOST_RELEASED
  if more then
    timers.set('release:' .. a.id, clock.now() + RELEASE_RETRY)
  else
    timers.cancel('release:' .. a.id)
  end
  return released, more
end

-- Gives the agent no work from now on, and withdraws what is being offered to them (R188).
function agents.deactivate(a)
  if a.deactivate_time ~= '' then return end
  a.deactivate_time = clock.now()
  for _, group in ipairs(settings.groups) do offers.withdraw(a, group, true) end
  agents.touch(a)
end

-- Lets the agent be given work again. What a switch-on meanwhile would have brought is not owed.
function agents.activate(a)
  if a.deactivate_time == '' then return end
  a.deactivate_time = ''
  a.owed = ''
  timers.cancel('release:' .. a.id)
  agents.touch(a)
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
  for _, group in ipairs(settings.groups) do
    figures.end_stop(a, group)
    a['stop_' .. group] = ''
    if a['pause_' .. group] ~= '' then
      a['pause_' .. group] = ''
      timers.cancel('pause:' .. group .. ':' .. a.id)
    end
  end
  timers.cancel('stop:' .. a.id)
  agents.touch(a)
end

-- Ends after-call work too: the agent asks (R80), or begins anew (R60).
function agents.start_afresh(a)
  agents.lift(a)
  if a.after_call_end ~= '' then
    a.after_call_end = ''
    timers.cancel('after_call:' .. a.id)
  end
end

-- Holds a channel group back for a while, unless it is held back for longer (R117, R138, R142).
function agents.pause(a, group, ms)
  local till = clock.now() + ms
  if ms == 0 or till <= record.number(a, 'pause_' .. group) then return end
  a['pause_' .. group] = till
  timers.set('pause:' .. group .. ':' .. a.id, till)
  agents.touch(a)
end

-- No decline stops an agent for longer, unless it is set to.
local LONGEST_STOP = 3600 * 1000

-- Stops new work after the agent declined a contact: until they ask, or for a time that doubles each time they decline
-- it again, so that an agent who is alone does not get it in a loop (R135, R138, R141). A group that is held back for
-- longer stays so.
function agents.stop(a, c)
  -- What is over, if only for some ms, is not prolonged.
  agents.end_stops(a)
  a.decline_stop = clock.now()
  local ms = settings.number('decline_stop')
  local till = math.huge
  if ms then
    local declines = record.number(c, 'declined_' .. a.id)
    till = clock.now() + math.min(ms * 2 ^ (declines - 1), math.max(ms, LONGEST_STOP))
  end
  local agent_wide = settings.get('decline_scope') == 'AGENT'
  for _, group in ipairs(settings.groups) do
    local field = 'stop_' .. group
    if (agent_wide or group == c.group) and a[field] ~= 'ASKED' and till > record.number(a, field) then
      a[field] = ms and till or 'ASKED'
    end
  end
  agents.end_stops(a)
end

-- Forgets the stops whose time is over, and waits for the next one's end.
function agents.end_stops(a)
  local stopped, next_end = false, math.huge
  for _, group in ipairs(settings.groups) do
    local field = 'stop_' .. group
    local till = tonumber(a[field])
    if till and till <= clock.now() then
      figures.end_stop(a, group)
      a[field] = ''
    elseif till then
      next_end = math.min(next_end, till)
    end
    stopped = stopped or a[field] ~= ''
  end
  if next_end < math.huge then
    timers.set('stop:' .. a.id, next_end)
  else
    timers.cancel('stop:' .. a.id)
  end
  if not stopped then a.decline_stop = '' end
  agents.touch(a)
end

-- The agent's call ended before the customer answered: there is nothing to do after it.
function agents.end_dialling(a)
  a.dialling = ''
  a.call_end_time = clock.now()
  agents.touch(a)
end

-- The agent's call is over: after-call work begins (R79).
function agents.end_call(a)
  a.call = ''
  a.call_end_time = clock.now()
  local ms = settings.number('after_call_work')
  if ms > 0 then
    a.after_call_end = clock.now() + ms
    timers.set('after_call:' .. a.id, clock.now() + ms)
  end
  agents.touch(a)
end

-- Up to how many messaging conversations messages are pushed to the agent (R87, R93).
function agents.standard_capacity(a)
  return tonumber(a.standard_messaging_capacity) or settings.number('standard_messaging_capacity')
end

-- Up to how many requests bring messages (R89); nil for no maximum. Never less than the standard.
function agents.maximum_capacity(a)
  local most = tonumber(a.maximum_messaging_capacity) or settings.number('maximum_messaging_capacity')
  return most and math.max(most, agents.standard_capacity(a))
end

-- Whether a request brings the agent one message more (R89, R90).
function agents.has_room(a)
  local most = agents.maximum_capacity(a)
  return most == nil or agents.load(a) < most
end

-- The agent's place among the ready of a group (A13), as a score: who is lower goes first, then the agent's id.
-- Voice: since when the agent is free for calls. Messaging: load, then the time of the last assignment.
function agents.rank(a, group)
  if group == 'VOICE' then return record.number(a, 'voice_free_time') end
  return agents.load(a) * 1e13 + record.number(a, 'messaging_time')
end

-- What a rank is made of: the load, nil for calls, and the time in ms.
function agents.rank_parts(group, rank)
  if group == 'VOICE' then return nil, tonumber(rank) end
  return math.floor(rank / 1e13), rank % 1e13
end

function agents.inboxes(a)
  return redis.call('SMEMBERS', keys.agent_inboxes(a.id))
end

-- Puts the agent into the ready sets of an inbox and group, by the rank in its record, or takes it out if it has none.
-- If the agent was not there before, the queues are worth a look.
function agents.take_place(a, inbox, group, is_new)
  local rank = a['ready_' .. group]
  for _, q in ipairs(queue.served(a, inbox, group)) do
    if rank == '' then
      redis.call('ZREM', keys.ready(q), a.id)
    else
      redis.call('ZADD', keys.ready(q), rank, a.id)
      if is_new then match.look(q, group) end
    end
  end
end

-- Takes the agent out of the ready sets of an inbox and group; the rank in its record stays.
function agents.leave_place(a, inbox, group)
  for _, q in ipairs(queue.served(a, inbox, group)) do redis.call('ZREM', keys.ready(q), a.id) end
end

-- Gives the agent other skills, and with them other queues.
function agents.set_skills(a, text)
  if text == a.skills then return end
  for _, group in ipairs(settings.pushed_groups) do
    for _, inbox in ipairs(agents.inboxes(a)) do agents.leave_place(a, inbox, group) end
  end
  a.skills = text
  for _, group in ipairs(settings.pushed_groups) do
    for _, inbox in ipairs(agents.inboxes(a)) do agents.take_place(a, inbox, group, true) end
  end
end

-- Brings the agent's place in the ready sets up to date. An agent who became ready makes the queues of its inboxes
-- worth a look.
function agents.refresh(a)
  figures.watch_stops(a)
  local voice = can.hold(a, 'VOICE')
  -- A ringing call is not yet a call: who loses it to a hang-up, or whose customer does not answer, keeps the place
  -- (the call's end starts anew).
  local free = voice == nil or voice == 'CALL_RINGING'
  if free and a.voice_free_time == '' then a.voice_free_time = clock.now() end
  if not free then a.voice_free_time = '' end
  for _, group in ipairs(settings.pushed_groups) do
    local rank = ''
    if can.hold(a, group) == nil then rank = string.format('%.0f', agents.rank(a, group)) end
    local field = 'ready_' .. group
    if rank ~= a[field] then
      local before = a[field]
      a[field] = rank
      for _, inbox in ipairs(agents.inboxes(a)) do agents.take_place(a, inbox, group, before == '') end
    end
  end
end
