-- Contacts: what a customer wants, from arrival to end.

function contacts.get(id)
  return record.get(keys.contact(id), id)
end

-- Agents who declined, missed or could not get an offer of this contact (R141), as ' ann bob '.
function contacts.turned_down_by(c, agent_id)
  return string.find(c.turned_down, ' ' .. agent_id .. ' ', 1, true) ~= nil
end

function contacts.turned_down_count(c)
  return select(2, string.gsub(c.turned_down, '[^ ]+', ''))
end

function contacts.note_turned_down(c, agent_id)
  if not contacts.turned_down_by(c, agent_id) then
    c.turned_down = (c.turned_down == '' and ' ' or c.turned_down) .. agent_id .. ' '
  end
end

-- Tells that a contact or task has come.
function contacts.tell_started(c)
  timeline.add(c.customer, c.queue_time, 'item:' .. c.id)
  if c.channel == 'TASK' then
    timeline.open_task(c)
    return events.contact('TASK_CREATED', c)
  end
  events.contact('CONTACT_STARTED', c, { attributes = c.attributes ~= '' and c.attributes or nil })
end

-- Tells that the contact was answered, unless it was before (R10, R101): a call when it is connected, what is written
-- by the first answer to it. In a consult no customer is answered.
function contacts.fulfil(c)
  if c.fulfil_time ~= '' or c.channel == 'TASK' or c.transfer_of ~= '' then return end
  c.fulfil_time = clock.now()
  events.contact('CONTACT_FULFILLED', c)
end

-- Notes that an agent declined the contact, and stops new work to them as it is set.
function contacts.note_declined(c, a)
  contacts.note_turned_down(c, a.id)
  c['declined_' .. a.id] = record.number(c, 'declined_' .. a.id) + 1
  agents.stop(a, c)
end

-- Whether the contact moves with the conversation's assignee: everything but calls and tasks (R190).
function contacts.is_written(c)
  return c.group ~= 'VOICE' and c.channel ~= 'TASK'
end

-- Whether it is a mail or message that waits for agents or is with one: no automatic agent has it (R189).
function contacts.is_for_agents(c)
  return c.state ~= 'AUTOMATED' and contacts.is_written(c)
end

-- Whether mail or a task was brought to the agent, or follows mail of its conversation that was and that the agent has
-- not answered: they may decline it (R125).
local function can_go_back(c, a, cause)
  if c.group ~= 'MAIL_TASKS' then return false end
  if cause ~= 'SAME_CONVERSATION' then return cause == 'REQUESTED' or cause == 'SWITCHED_ON' end
  for _, other in ipairs(conversations.open_contacts(conversations.get(c.conversation))) do
    if other.agent == a.id and other.returnable == '1' then return true end
  end
  return false
end

-- How a contact is given to an agent out of its queue.
local LEAVES_LINE = { ACCEPTED = true, REQUESTED = true, SWITCHED_ON = true, ROUTED = true }

-- Why the assignee changes, by how work comes to an agent (R187).
contacts.assignee_reasons = {
  ACCEPTED = 'OFFERED', REQUESTED = 'REQUESTED', SWITCHED_ON = 'AUTOMATED', ROUTED = 'AUTOMATED',
  SAME_CONVERSATION = 'INBOUND', NAMED = 'MANUAL', OUTBOUND = 'OUTBOUND_MESSAGE', DEDICATED = 'DEDICATED_ASSIGN',
}

-- Makes a contact the agent's, as far as it alone is concerned. It is in no queue any more. It keeps how it came to the
-- agent, and why, if they were chosen by rank.
local function take(c, a, cause, why)
  local offer_id, is_other = c.offer, c.agent ~= a.id
  -- Who did not have to wait for their turn says nothing of how fast the line moves.
  if LEAVES_LINE[cause] and c.parked == '' and c.named == '' and not dedicated.is_first(c, a.id) then
    place.note_departure(c, c.state == 'OFFERED' and offers.get(c.offer).offer_time or clock.now())
  end
  c.state = 'ASSIGNED'
  c.assign_time = clock.now()
  c.cause = cause
  c.why = why or ''
  c.agent = a.id
  c.offer = ''
  c.parked = ''
  c.returnable = can_go_back(c, a, cause) and '1' or ''
  if c.channel == 'TASK' then
    if is_other then events.contact('TASK_ASSIGNEE_UPDATED', c, { why = contacts.assignee_reasons[cause] }) end
  elseif offer_id ~= '' then
    events.contact('OFFER_ACCEPTED', c, { offer_id = offer_id })
  else
    events.contact('CONTACT_ASSIGNED', c, { why = cause })
  end
  if c.ring_end ~= '' then
    a.dialling = c.id
  elseif c.group == 'VOICE' then
    contacts.fulfil(c)
    a.call = c.id
  end
  if c.group == 'MESSAGING' then
    a.messaging_time = clock.now()
    contacts.time_session(c)
  end
end

-- Tells an agent that a contact is theirs.
function contacts.tell_assigned(c, a, cause)
  agents.touch(a)
  notes.add(a, { contact_assigned = { contact = show.contact(c), cause = cause } })
end

-- Gives a contact to an agent (R144), and with it the conversation and its other waiting mail or messages (R191): once
-- for all of them, as a customer may have sent many.
function contacts.assign(c, a, cause, why)
  take(c, a, cause, why)
  if c.channel == 'TASK' then
    redis.call('ZADD', keys.agent_customers(a.id), clock.now(), 'task:' .. c.id)
    return contacts.tell_assigned(c, a, cause)
  end
  local v = conversations.get(c.conversation)
  conversations.give(v, c, a, contacts.assignee_reasons[cause])
  contacts.tell_assigned(c, a, cause)
  if not contacts.is_written(c) then return end
  for _, sibling in ipairs(conversations.open_contacts(v)) do
    if sibling.state == 'WAITING' and contacts.is_written(sibling) then
      if sibling.parked == '' then queue.leave(sibling) end
      take(sibling, a, cause)
      contacts.tell_assigned(sibling, a, cause)
    end
  end
  conversations.recount(v, a)
end

-- Why this agent can't act on the contact as who handles it, and what the message names; nil if they can.
function contacts.refusal(c, agent_id)
  if not record.exists(c) then return 'CONTACT_UNKNOWN', { contact_id = c.id } end
  if c.state == 'ENDED' then return 'CONTACT_ENDED', { contact_id = c.id } end
  if c.state ~= 'ASSIGNED' or c.agent ~= agent_id then
    return 'CONTACT_NOT_YOURS', { contact_id = c.id, agent_id = agent_id }
  end
  return nil
end

local function end_hold(c)
  local reason = c.hold_reason
  c.hold_time = ''
  c.hold_reason = ''
  events.contact('HOLD_ENDED', c, { why = reason })
end

-- Puts a call on hold for a reason (R86).
function contacts.hold(c, reason)
  if c.hold_time ~= '' then return end
  c.hold_time = clock.now()
  c.hold_reason = reason
  events.contact('HOLD_STARTED', c, { why = reason })
  notes.add(agents.get(c.agent), { contact_changed = show.contact(c) })
end

function contacts.resume(c)
  if c.hold_time == '' then return end
  end_hold(c)
  notes.add(agents.get(c.agent), { contact_changed = show.contact(c) })
end

-- Why this agent can't act on the task, and what the message names; nil if they can: it is theirs, or nobody's, or
-- whose it was is deactivated.
function contacts.task_refusal(c, agent_id)
  if not record.exists(c) then return 'CONTACT_UNKNOWN', { contact_id = c.id } end
  if c.channel ~= 'TASK' then return 'CONTACT_NOT_A_TASK', { contact_id = c.id } end
  if c.agent ~= '' and c.agent ~= agent_id and not agents.is_deactivated(c.agent) then
    return 'CONTACT_NOT_YOURS', { contact_id = c.id, agent_id = agent_id }
  end
  return nil
end

-- Puts a task where it now belongs: with an agent, or into the queue of its inbox, for a reason (R131, R132, R187).
function contacts.place_task(c, agent_id, reason)
  local earlier = c.state == 'ASSIGNED' and agents.get(c.agent) or nil
  if c.state == 'WAITING' then queue.leave(c) end
  if earlier and earlier.id ~= agent_id then
    redis.call('ZREM', keys.agent_customers(earlier.id), 'task:' .. c.id)
    c.returnable = ''
  end
  if agent_id == '' then
    queue.join(c)
    if earlier then events.contact('TASK_ASSIGNEE_UPDATED', c, { why = reason }) end
  elseif not earlier or earlier.id ~= agent_id then
    contacts.assign(c, agents.get(agent_id), 'NAMED')
  end
  if earlier then notes.add(earlier, { contact_changed = show.contact(c) }) end
end

-- Adds what an agent comments on a task, which goes when the task does; returns it. It changes nothing else (R222).
function contacts.comment(c, agent_id, text)
  local comment = {
    comment_id = runs.next_id('comment-'), contact_id = c.id, agent_id = agent_id, text = text,
    create_time = clock.now(),
  }
  local said = cjson.encode(comment)
  redis.call('HSET', keys.contact_comments(c.id), comment.comment_id, said)
  timeline.add(c.customer, comment.create_time, 'taskcomment:' .. c.id .. '/' .. comment.comment_id)
  events.contact('TASK_COMMENT_ADDED', c, { agent_id = agent_id, why = said })
  return comment
end

-- The mail or task item and what came to its agent with it: the other mail of its conversation (R191). nil if one of
-- them was not brought by the engine, or has been answered: a conversation is with one agent (R125).
function contacts.returnable(c)
  if c.returnable ~= '1' then return nil end
  if c.channel == 'TASK' then return { c } end
  local together = {}
  for _, other in ipairs(conversations.open_contacts(conversations.get(c.conversation))) do
    if other.state == 'ASSIGNED' and other.agent == c.agent and contacts.is_written(other) then
      if other.returnable ~= '1' then return nil end
      together[#together + 1] = other
    end
  end
  return together
end

-- Takes mail of one conversation, or a task, back from its agent, each to its place in the queue, because the agent
-- declined one of them (R125).
function contacts.give_back(together, declined)
  local c = together[1]
  local a = agents.get(c.agent)
  events.contact('OFFER_REJECTED', declined, { agent_id = a.id, why = 'DECLINED' })
  for _, each in ipairs(together) do
    each.returnable = ''
    contacts.forget_preferred(each)
    queue.join(each)
    if c.channel == 'TASK' then
      events.contact('TASK_ASSIGNEE_UPDATED', c, { why = 'DECLINED' })
    else
      events.contact('CONTACT_RETURNED', each, { agent_id = a.id })
    end
    notes.add(a, { contact_changed = show.contact(each) })
  end
  if c.channel == 'TASK' then
    redis.call('ZREM', keys.agent_customers(a.id), 'task:' .. c.id)
  else
    conversations.let_go(conversations.get(c.conversation), a, 'DECLINED')
  end
  agents.touch(a)
end

-- Who was to be tried first is so no more once somebody had it: it is for the next available agent (R156).
function contacts.forget_preferred(c)
  c.preferred = ''
  c.dedicated = ''
end

-- Takes a mail or message from its agent, to its place in the queue.
function contacts.take_back(c)
  local a = agents.get(c.agent)
  if c.group == 'MESSAGING' then timers.cancel('session:' .. c.id) end
  c.session_end = ''
  c.returnable = ''
  contacts.forget_preferred(c)
  queue.join(c)
  events.contact('CONTACT_RETURNED', c, { agent_id = a.id })
  notes.add(a, { contact_changed = show.contact(c) })
end

-- Begins to wait for the customer's reply, for as long as a session may last (R92).
function contacts.time_session(c)
  c.session_end = clock.now() + math.min(settings.number('session_time'), settings.longest_session)
  timers.set('session:' .. c.id, record.number(c, 'session_end'))
end

-- The customer has not replied for so long that the session is over (R92).
function contacts.end_session(c)
  if c.state == 'ASSIGNED' then contacts.finish(c, 'NO_CUSTOMER_REPLY') end
end

-- Ends a contact, wherever it is in its life (R10); a call with its consult.
function contacts.finish(c, reason)
  transfers.end_with(c, reason)
  local a = c.agent ~= '' and agents.get(c.agent) or nil
  local before = c.state
  if before == 'WAITING' then
    if c.parked == '' then queue.leave(c) end
  elseif before == 'OFFERED' then
    offers.close(offers.get(c.offer), reason == 'TRANSFER_CANCELLED' and 'WITHDRAWN' or 'CUSTOMER_LEFT')
  end
  if c.relaxations ~= '' then timers.cancel('relax:' .. c.id) end
  if c.hold_time ~= '' then end_hold(c) end
  c.state = 'ENDED'
  c.end_reason = reason
  c.end_time = clock.now()
  c.parked = ''
  c.returnable = ''
  events.contact(c.channel == 'TASK' and 'TASK_CLOSED' or events.CONTACT_ENDED, c)
  record.expire(c, settings.retention)
  if c.channel == 'TASK' then
    redis.call('PEXPIRE', keys.contact_comments(c.id), settings.retention)
    timeline.close_task(c)
  end
  if before == 'ASSIGNED' then
    if a.call == c.id then
      agents.end_call(a)
      conversations.look(conversations.get(c.conversation))
    end
    if a.dialling == c.id then agents.end_dialling(a) end
    outbound.stop_ringing(c)
    if c.group == 'MESSAGING' then
      c.session_end = ''
      timers.cancel('session:' .. c.id)
      agents.pause(a, 'MESSAGING', settings.number('next_message_delay'))
    end
    if c.channel == 'TASK' then redis.call('ZREM', keys.agent_customers(a.id), 'task:' .. c.id) end
    agents.touch(a)
    notes.add(a, { contact_ended = show.contact(c) })
  end
  if c.conversation ~= '' then conversations.contact_ended(conversations.get(c.conversation), c) end
  if c.transfer_of ~= '' then transfers.consult_ended(c) end
end
