-- Offers: work shown to one agent. A ringing offer holds capacity and gives it back however it ends.

function offers.get(id)
  return record.get(keys.offer(id), id)
end

-- A call that could not be accepted by itself rings on; that is tried again after this time.
local ACCEPT_RETRY = 1000

-- Has an offer accepted by itself after a time (R75).
local function accept_after(o, ms)
  o.accept_time = clock.now() + ms
  timers.set('accept:' .. o.id, record.number(o, 'accept_time'))
end

-- Offers a waiting contact to an agent. The other waiting mail and messages of its conversation are offered to nobody
-- meanwhile (R191): they are parked. Why is the agent's rank, and the runner-up with theirs: '7 bob 9'.
function offers.make(c, a, why)
  local id = runs.next_id('offer-')
  local o = record.new(keys.offer(id), id)
  o.contact = c.id
  o.group = c.group
  o.agent = a.id
  o.token = o.id .. '.' .. string.format('%.0f', clock.raw_us())
  o.state = 'OPEN'
  o.offer_time = clock.now()
  o.expire_time = clock.now() + settings.offer_time(c.group)
  o.view_revision = a.view_revision
  o.why = why
  queue.leave(c)
  c.state = 'OFFERED'
  c.agent = a.id
  c.offer = o.id
  events.contact('CONTACT_OFFERED', c, { offer_id = o.id })
  redis.call('SADD', keys.agent_offers(a.id), o.id)
  timers.set('offer:' .. o.id, record.number(o, 'expire_time'))
  if c.group == 'VOICE' then
    a.ringing = o.id
    if settings.is_on('auto_accept') then
      accept_after(o, settings.number('auto_accept_time'))
    end
  else
    agents.count(a, c.conversation, true)
    offers.park(c)
  end
  figures.count_offer(a, o, figures.MADE)
  notes.add(a, { offer_made = show.offer(o) })
  agents.refresh(a)
end

function offers.park(c)
  for _, sibling in ipairs(conversations.open_contacts(conversations.get(c.conversation))) do
    if sibling.state == 'WAITING' and contacts.is_written(sibling) and sibling.parked == '' then
      queue.leave(sibling)
      sibling.parked = '1'
    end
  end
end

function offers.unpark(c)
  for _, sibling in ipairs(conversations.open_contacts(conversations.get(c.conversation))) do
    if sibling.state == 'WAITING' and sibling.parked == '1' then
      sibling.parked = ''
      queue.join(sibling)
    end
  end
end

-- Lets the store forget an offer that is decided.
function offers.forget(o)
  record.expire(o, settings.offer_retention)
  timers.cancel('offer:' .. o.id)
  timers.cancel('accept:' .. o.id)
end

-- Ends an offer that is not accepted and leaves the contact to the caller.
function offers.close(o, outcome)
  local a, c = agents.get(o.agent), contacts.get(o.contact)
  o.state = outcome
  offers.forget(o)
  redis.call('SREM', keys.agent_offers(a.id), o.id)
  c.state = 'WAITING'
  c.agent = ''
  c.offer = ''
  events.contact('OFFER_REJECTED', c, { agent_id = a.id, offer_id = o.id, why = outcome })
  if a.ringing == o.id then a.ringing = '' end
  figures.count_offer(a, o, outcome)
  if c.group ~= 'VOICE' then
    conversations.recount(conversations.get(c.conversation), a)
    offers.unpark(c)
  end
  agents.touch(a)
  notes.add(a, { offer_ended = { offer_id = o.id, contact_id = c.id, outcome = outcome } })
end

-- Whether a person named the agent: the contact is for them alone, whatever holds routed work back (R181, R185).
function offers.is_named(o)
  return contacts.get(o.contact).named ~= ''
end

-- Ends an offer that is not accepted; the contact goes back to its place (R140). A call that the named agent does not
-- take stays with who wanted to transfer it (R186).
function offers.give_back(o, outcome)
  offers.close(o, outcome)
  local c = contacts.get(o.contact)
  if c.named ~= '' then return transfers.fail(contacts.get(c.transfer_of), 'NOT_TAKEN', outcome) end
  queue.join(c)
end

-- Withdraws an agent's open offers of a group: neither declined nor missed (A12). Those by which a person named the
-- agent only if that is said.
function offers.withdraw(a, group, named_too)
  local ids = redis.call('SMEMBERS', keys.agent_offers(a.id))
  table.sort(ids)
  for _, id in ipairs(ids) do
    local o = offers.get(id)
    if o.group == group and (named_too or not offers.is_named(o)) then offers.give_back(o, 'WITHDRAWN') end
  end
end

-- The agent's open message offers make way for a call that is connected (R73); the caller's own also where calls hold
-- nothing back (R195). With a consult the agent speaks with a colleague.
function offers.make_way(a, call)
  if settings.is_on('call_holds_back_other_work') then
    offers.withdraw(a, 'MESSAGING')
  elseif call.transfer_of == '' then
    conversations.withdraw_offer(conversations.get(call.conversation), a.id)
  end
end

-- The agent takes the contact. Returns what they have by it: for the consult of a cold transfer the customer's call.
function offers.accept(o)
  local a, c = agents.get(o.agent), contacts.get(o.contact)
  o.state = 'ACCEPTED'
  offers.forget(o)
  redis.call('SREM', keys.agent_offers(a.id), o.id)
  if a.ringing == o.id then a.ringing = '' end
  figures.count_offer(a, o, o.state)
  notes.add(a, { offer_ended = { offer_id = o.id, contact_id = c.id, outcome = o.state } })
  contacts.assign(c, a, 'ACCEPTED', o.why)
  if c.group == 'MESSAGING' then agents.pause(a, 'MESSAGING', settings.number('next_message_delay')) end
  if c.group == 'VOICE' then offers.make_way(a, c) end
  return c.transfer_of ~= '' and transfers.answer(c) or c
end

-- Whether a call is accepted by itself: not while the lease is out, or nothing could tell the agent; and if the agent
-- was named, only where routing would have it ring at them too (R79, R135, R138).
local function accepts_itself(o)
  local a = agents.get(o.agent)
  if not view.is_fresh() or not streams.look(a.id) then return false end
  if not offers.is_named(o) then return can.is_available(a, 'VOICE') end
  return can.hold(a, 'VOICE') == 'CALL_RINGING' and record.number(a, 'after_call_end') <= clock.now()
end

-- The time after which a call is accepted by itself is over (R75). If it can't be, it rings on.
function offers.auto_accept(o)
  if o.state ~= 'OPEN' then return end
  if accepts_itself(o) then
    offers.accept(o)
    return
  end
  accept_after(o, ACCEPT_RETRY)
end

-- The agent says no: as it is set, nothing more is sent to them until they ask (R135).
function offers.decline(o)
  contacts.note_declined(contacts.get(o.contact), agents.get(o.agent))
  offers.give_back(o, 'DECLINED')
end

-- The agent can't take it although they would: no decline, held against nobody (R142).
function offers.fail(o)
  local a = agents.get(o.agent)
  contacts.note_turned_down(contacts.get(o.contact), a.id)
  agents.pause(a, o.group, settings.miss_pause(o.group))
  offers.give_back(o, 'DEVICE_ERROR')
end

-- The offer's time is over: missed if a stream has sent it (R77, R118), else undelivered, held against nobody. While
-- the lease is out what was routed could not be accepted, which is nobody's fault either.
function offers.lapse(o)
  if o.state ~= 'OPEN' then return end
  if not view.is_fresh() and not offers.is_named(o) then return offers.give_back(o, 'WITHDRAWN') end
  local a = agents.get(o.agent)
  contacts.note_turned_down(contacts.get(o.contact), a.id)
  agents.pause(a, o.group, settings.miss_pause(o.group))
  offers.give_back(o, o.sent == '1' and 'MISSED' or 'UNDELIVERED')
end

-- Whether this agent may still decide this offer (R145): open, theirs, not past its time, and the token fits.
function offers.is_open(o, agent_id, token)
  return o.state == 'OPEN' and o.agent == agent_id and o.token == token
    and record.number(o, 'expire_time') > clock.now()
end
