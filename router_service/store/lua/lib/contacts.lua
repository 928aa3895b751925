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

-- Whether the contact moves with the conversation's assignee: everything but calls and tasks (R190).
function contacts.is_written(c)
  return c.group ~= 'VOICE' and c.channel ~= 'TASK'
end

-- Gives a contact to an agent (R144), and with it the conversation and its other waiting mail or messages (R191).
-- The contact is in no queue any more.
function contacts.assign(c, a, cause)
  c.state = 'ASSIGNED'
  c.agent = a.id
  c.offer = ''
  c.parked = ''
  if c.group == 'VOICE' then a.call = c.id end
  if c.group == 'MESSAGING' then a.messaging_time = clock.now() end
  if c.channel == 'TASK' then
    redis.call('ZADD', keys.agent_customers(a.id), clock.now(), 'task:' .. c.id)
  else
    conversations.give(conversations.get(c.conversation), c, a)
  end
  agents.touch(a)
  notes.add(a, { contact_assigned = { contact = show.contact(c), cause = cause } })
  if contacts.is_written(c) then
    for _, sibling in ipairs(conversations.open_contacts(conversations.get(c.conversation))) do
      if sibling.state == 'WAITING' and contacts.is_written(sibling) then
        if sibling.parked == '' then queue.leave(sibling) end
        contacts.assign(sibling, a, cause)
      end
    end
  end
end

-- Ends a contact, wherever it is in its life (R10).
function contacts.finish(c, reason)
  local a = c.agent ~= '' and agents.get(c.agent) or nil
  local before = c.state
  if before == 'WAITING' then
    if c.parked == '' then queue.leave(c) end
  elseif before == 'OFFERED' then
    offers.close(offers.get(c.offer), 'CUSTOMER_LEFT')
  end
  c.state = 'ENDED'
  c.end_reason = reason
  c.parked = ''
  record.expire(c, settings.retention)
  if before == 'ASSIGNED' then
    if a.call == c.id then
      a.call = ''
      a.call_end_time = clock.now()
    end
    if c.channel == 'TASK' then redis.call('ZREM', keys.agent_customers(a.id), 'task:' .. c.id) end
    agents.touch(a)
    notes.add(a, { contact_ended = show.contact(c) })
  end
  if c.conversation ~= '' then conversations.contact_ended(conversations.get(c.conversation), c) end
end
