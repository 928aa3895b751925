-- What agents begin: calls, messages and mail to customers (R203, R204).

-- Takes a contact that an agent begins into the customer's conversation, or into a new one. A call is the agent's, who
-- is busy from now on; what is written is the assignee's, whoever that is (R190), and due like any other, should it be
-- taken from them (R149, R188).
function outbound.begin(c, a, live)
  c.direction = 'OUTBOUND'
  c.state = 'WAITING'
  c.queue_time = clock.now()
  local v = live or conversations.open(c.customer, c.inbox)
  c.inbox = v.inbox
  if contacts.is_written(c) then
    conversations.withdraw_offer(v)
    c.due_time = clock.now() + inboxes.show(c.inbox).sla
    -- From now on a same-agent limit counts (R120).
    v.written_time = clock.now()
    conversations.add(v, c)
    contacts.tell_started(c)
    conversations.free(v)
    local is_for_other = v.agent ~= '' and not agents.is_deactivated(v.agent)
    return contacts.assign(c, is_for_other and agents.get(v.agent) or a, 'OUTBOUND')
  end
  offers.withdraw(a, 'VOICE', true)
  c.ring_end = clock.now() + settings.number('ring_time')
  timers.set('ring:' .. c.id, record.number(c, 'ring_end'))
  conversations.add(v, c)
  contacts.tell_started(c)
  contacts.assign(c, a, 'OUTBOUND')
end

-- The call rings at the customer no more.
function outbound.stop_ringing(c)
  if c.ring_end == '' then return end
  c.ring_end = ''
  timers.cancel('ring:' .. c.id)
end

-- The customer answered: the agent is on a call from now on.
function outbound.connect(c)
  local a = agents.get(c.agent)
  outbound.stop_ringing(c)
  c.connect_time = clock.now()
  contacts.fulfil(c)
  a.dialling = ''
  a.call = c.id
  agents.touch(a)
  notes.add(a, { contact_changed = show.contact(c) })
  offers.make_way(a, c)
end

-- The call has rung at the customer for long enough (R78).
function outbound.lapse(c)
  if c.ring_end ~= '' then contacts.finish(c, 'NO_ANSWER') end
end
