-- Conversations: a customer's one live thread over all channels (R2, R3), with at most one assignee and exactly one
-- inbox (R4). `claim` says what the assignee's claim rests on: WRITTEN (mail or messages) or CALL (a call alone, A4);
-- `had` that there has been an assignee at some time.

conversations.ID_PREFIX = 'conversation-'

function conversations.reset()
  conversations.contact_ids = {}
end

function conversations.get(id)
  return record.get(keys.conversation(id), id)
end

-- The customer's live conversation, or nil; and if they have none, the closed one that what they send reopens (R12).
function conversations.of(customer)
  local id = timeline.last_conversation(customer)
  if not id then return nil end
  local v = conversations.get(id)
  if v.state ~= 'CLOSED' then return record.exists(v) and v or nil end
  if clock.now() - record.number(v, 'close_time') >= settings.number('reopen_window') then return nil end
  return nil, v
end

-- The customer's live conversation, or nil.
function conversations.live(customer)
  return (conversations.of(customer))
end

function conversations.open(customer, inbox)
  local id = runs.next_id(conversations.ID_PREFIX)
  local v = record.new(keys.conversation(id), id)
  conversations.contact_ids[id] = {}
  v.customer = customer
  v.inbox = inbox
  v.state = 'NEW'
  v.create_time = clock.now()
  events.conversation('CONVERSATION_CREATED', v)
  timeline.begin(v)
  return v
end

-- Opens a closed conversation again, in a status; it keeps its inbox.
function conversations.reopen(v, state)
  v.state = state
  v.close_time = ''
  v.due_time = ''
  v.reopened_by = ''
  record.keep_on(v)
  redis.call('PERSIST', keys.conversation_notes(v.id))
  events.conversation('CONVERSATION_REOPENED', v)
  timeline.reopen(v)
end

-- The contacts that have not ended; few, as one customer has few at a time. In order of their ids, so that the same
-- inputs always give the same outcome.
function conversations.open_contacts(v)
  local ids = conversations.contact_ids[v.id]
  if not ids then
    ids = redis.call('SMEMBERS', keys.conversation_contacts(v.id))
    table.sort(ids)
    conversations.contact_ids[v.id] = ids
  end
  local open = {}
  for _, id in ipairs(ids) do
    local c = contacts.get(id)
    if c.state ~= 'ENDED' and c.state ~= '' then open[#open + 1] = c end
  end
  return open
end

-- Whether a mail or message comes before the limit is over after which it is not for the same agent (R120, R126, R127).
local function is_within_limit(v, c)
  local is_mail = c.group == 'MAIL_TASKS'
  local limit = settings.number(is_mail and 'same_agent_limit_mail' or 'same_agent_limit_messaging')
  if not limit or (is_mail and settings.get('mail_after_limit') == 'SAME_AGENT') then return true end
  return clock.now() - record.number(v, 'written_time') <= limit
end

-- Who has the conversation or had it last, '' for nobody, and what their claim rests on.
function conversations.last_holder(v)
  if v.agent ~= '' then return v.agent, v.claim end
  return v.last_agent, v.last_claim
end

-- Whether what comes is mail for whoever had the conversation, nil for none, last by mail or messages: a reply (R128),
-- unless they are deactivated (R188).
function conversations.is_reply(v, group)
  if not v or group ~= 'MAIL_TASKS' then return false end
  local holder, claim = conversations.last_holder(v)
  return claim == 'WRITTEN' and not agents.is_deactivated(holder)
end

-- Whether a new contact goes to the conversation's agent at once: mail and messages do, to who has the customer by mail
-- or messages (R119, R190), unless a limit is set and over, and nothing of the kind is open (R120, R126, R127); always
-- to who reopened it by hand (R202). What comes while another mail or message is routed afresh goes with that one
-- (R191). To who had it last, while nobody has it since a call reopened it, only mail goes (R128), and to who is
-- deactivated nothing (R188).
function conversations.stays(v, c)
  local holder, claim = conversations.last_holder(v)
  if not contacts.is_written(c) or claim ~= 'WRITTEN' or agents.is_deactivated(holder) then return false end
  for _, other in ipairs(conversations.open_contacts(v)) do
    if contacts.is_for_agents(other) then return other.state == 'ASSIGNED' end
  end
  if v.agent == '' and c.group ~= 'MAIL_TASKS' then return false end
  return v.reopened_by == holder or is_within_limit(v, c)
end

-- What a customer sends reopens their conversation (R12): mail returns to who had it last by mail or messages, as if
-- it had been open (R127, R128), and else goes to an heir, '' for none (R177); by anything else it is nobody's (R179).
-- Whose it was is remembered until it is somebody's: a caller may hang up, and write. Returns that agent's id, '' for
-- nobody, and whether the contact goes to them at once.
function conversations.reopen_by(v, c, heir)
  local last, claim = conversations.last_holder(v)
  local returns = conversations.is_reply(v, c.group) and is_within_limit(v, c)
  conversations.reopen(v, (returns or heir ~= '') and 'OPEN' or 'NEW')
  if returns then return last, true end
  if heir ~= '' then
    -- Whose it was has not had it since the close.
    if v.agent ~= heir then v.agent = '' end
    return last, false
  end
  v.last_agent = last
  v.last_claim = claim
  if v.agent ~= '' then
    v.agent = ''
    v.claim = ''
    events.conversation('CONVERSATION_ASSIGNEE_UPDATED', v, { why = 'REROUTED' })
  end
  return last, false
end

-- An agent reopens the conversation: it waits with them, and nobody else is given anything of it (R202).
function conversations.reopen_for(v, a)
  local last = v.agent
  conversations.reopen(v, 'WAITING')
  -- Whose it was has not had it since the close.
  if last ~= a.id then v.agent = '' end
  conversations.set_assignee(v, a, 'WRITTEN', 'MANUAL')
  v.reopened_by = a.id
  redis.call('ZADD', keys.agent_customers(a.id), 'NX', clock.now(), 'conversation:' .. v.id)
  notes.add(a, { conversation_changed = show.conversation(v) })
end

-- Whether anything but this contact is open that no automatic agent has (R189).
local function has_more_for_agents(v, c)
  for _, other in ipairs(conversations.open_contacts(v)) do
    if other ~= c and other.state ~= 'AUTOMATED' then return true end
  end
  return false
end

-- Whether another mail or message than this contact is open that no automatic agent has.
function conversations.has_for_agents(v, c)
  for _, other in ipairs(conversations.open_contacts(v)) do
    if other ~= c and contacts.is_for_agents(other) then return true end
  end
  return false
end

-- Whether what the customer sends goes to the conversation's inbox, whichever it names: mail and messages do where
-- another one than this is open that no automatic agent has, the assignee has the customer by one, or somebody had them
-- before a call reopened it. A call is queued where it comes in.
function conversations.keeps_inbox(v, group, c)
  return group ~= 'VOICE'
    and (v.claim == 'WRITTEN' or v.last_agent ~= '' or conversations.has_for_agents(v, c))
end

-- Moves the conversation to an inbox, and tells so (R4).
function conversations.move(v, inbox)
  if v.inbox == inbox then return end
  v.inbox = inbox
  events.conversation('CONVERSATION_INBOX_UPDATED', v)
  if v.agent ~= '' then notes.add(agents.get(v.agent), { conversation_changed = show.conversation(v) }) end
end

-- The inbox of a conversation follows the first open mail or message; a call, or what an automatic agent has, names it
-- only where nothing else does. One that is reopened has its inbox.
local function choose_inbox(v, c, is_reopened)
  if contacts.is_written(c) and (is_reopened or conversations.keeps_inbox(v, c.group, c)) then
    c.inbox = v.inbox
  elseif contacts.is_for_agents(c) or v.agent == '' and not is_reopened and not has_more_for_agents(v, c) then
    conversations.move(v, c.inbox)
  end
end

-- From now on the customer waits for an answer to a contact, if they wrote it.
local function receive(v, c)
  local is_written = contacts.is_written(c)
  if is_written then
    conversations.hear(v)
    v.written_time = clock.now()
    if v.unhelped_time == '' then
      v.unhelped_time = clock.now()
      conversations.mark_unhelped(v)
    end
  end
  -- Of two that wait for an answer the earlier due date counts for both (R151).
  if v.unhelped_time ~= '' and v.due_time ~= '' then
    c.due_time = math.min(record.number(c, 'due_time'), record.number(v, 'due_time'))
  end
  if not is_written then return end
  v.due_time = c.due_time
  for _, other in ipairs(conversations.open_contacts(v)) do
    if contacts.is_for_agents(other) and other.state ~= 'ASSIGNED' then queue.hasten(other, c.due_time) end
  end
end

-- Takes a new contact into the conversation.
function conversations.join(v, c, is_reopened)
  choose_inbox(v, c, is_reopened)
  receive(v, c)
  conversations.add(v, c)
end

-- Takes in a new contact that an automatic agent has: nobody waits for an answer of agents, and it is not due. By which
-- SLA it will be, '' for the inbox's, is kept (R189).
function conversations.automate(v, c, sla, is_reopened)
  c.state = 'AUTOMATED'
  c.due_time = ''
  c.sla = sla
  choose_inbox(v, c, is_reopened)
  conversations.add(v, c)
end

-- An automatic agent has the contact no more: it comes to its inbox now, and is due by an SLA, nil for its own. It is
-- in no queue yet (R189).
function conversations.take_over(v, c, sla)
  c.automated_time = c.queue_time
  c.queue_time = clock.now()
  c.due_time = clock.now() + (sla or tonumber(c.sla) or inboxes.show(c.inbox).sla)
  c.sla = ''
  c.state = 'WAITING'
  choose_inbox(v, c, false)
  receive(v, c)
  events.contact('CONTACT_HANDED_OFF', c)
end

-- Adds a contact.
function conversations.add(v, c)
  c.conversation = v.id
  redis.call('SADD', keys.conversation_contacts(v.id), c.id)
  if conversations.contact_ids[v.id] then table.insert(conversations.contact_ids[v.id], c.id) end
end

-- Gives a contact that has come to who has the customer, '' for nobody, or to the customer's dedicated agent by their
-- claim, nil for none, or has it wait: parked while another one of its conversation is being offered (R161, R191).
function conversations.place(v, c, agent_id, claim)
  if agent_id ~= '' then return contacts.assign(c, agents.get(agent_id), 'SAME_CONVERSATION') end
  local first = claim and claim.agent and agents.get(claim.agent)
  if first and c.group == 'MAIL_TASKS' then return contacts.assign(c, first, 'DEDICATED') end
  if contacts.is_written(c) and conversations.is_being_offered(v) then
    c.parked = '1'
  else
    queue.join(c)
  end
  if agents.is_deactivated(v.agent) then
    conversations.free(v)
  else
    conversations.restate(v)
  end
  if first then dedicated.try(c, first) end
end

-- Makes what the customer wrote and nobody has worth a look: whoever was on the phone with them may have it now, who
-- was ready all along where a call holds back nothing else (R195, R198).
function conversations.look(v)
  for _, c in ipairs(conversations.open_contacts(v)) do
    if c.state == 'WAITING' and c.parked == '' then match.look(queue.of(c), c.group) end
  end
end

-- The agent answered what the customer sent (R101): what they have of the customer can't be given back any more (R125),
-- and their sessions begin to wait for the customer's reply (R92). What waits for somebody else is not answered by who
-- has the customer's call.
function conversations.answer(v, agent_id)
  local is_all = true
  events.conversation('MESSAGE_SENT', v)
  for _, c in ipairs(conversations.open_contacts(v)) do
    if c.state == 'ASSIGNED' and c.agent == agent_id then
      c.returnable = ''
      if c.ring_end == '' then contacts.fulfil(c) end
      if c.group == 'MESSAGING' then contacts.time_session(c) end
    elseif contacts.is_for_agents(c) then
      is_all = false
    end
  end
  if not is_all then return end
  v.unhelped_time = ''
  v.due_time = ''
  v.unseen = ''
  conversations.mark_unhelped(v)
end

-- The customer waits for no answer any more if nothing of what is open came since the last one.
function conversations.forget_answered(v)
  for _, c in ipairs(conversations.open_contacts(v)) do
    local came = record.number(c, 'queue_time')
    if contacts.is_for_agents(c) and came >= record.number(v, 'unhelped_time') then return end
  end
  v.unhelped_time = ''
  v.due_time = ''
  v.unseen = ''
  conversations.mark_unhelped(v)
end

-- The customer wrote: the agent has not seen it, and sessions that wait for a reply begin to wait anew (R92, R101).
function conversations.hear(v)
  v.unseen = '1'
  for _, c in ipairs(conversations.open_contacts(v)) do
    if c.state == 'ASSIGNED' and c.group == 'MESSAGING' then contacts.time_session(c) end
  end
end

-- Takes an agent's mail and messages of a conversation away, each to its place in the queue; returns whether there were
-- any (R188). A call goes on, and a conversation that only waits for the customer stays.
function conversations.release(v, a, reason)
  if v.agent ~= a.id then return false end
  local taken = false
  for _, c in ipairs(conversations.open_contacts(v)) do
    if c.state == 'ASSIGNED' and c.agent == a.id and contacts.is_written(c) then
      contacts.note_turned_down(c, a.id)
      contacts.take_back(c)
      taken = true
    end
  end
  if not taken then return false end
  conversations.recount(v, a)
  conversations.let_go(v, a, reason)
  return true
end

-- Takes a conversation from a deactivated agent, unless they have its call, which goes on: its mail and messages back
-- to their places, and with nothing open it is nobody's and closed (R84, R188). Returns whether anything was taken.
function conversations.free(v)
  local had = v.agent
  if not agents.is_deactivated(had) then return false end
  local a = agents.get(had)
  local taken = conversations.release(v, a, 'USER_DEACTIVATED')
  if not taken then conversations.let_go(v, a, 'USER_DEACTIVATED') end
  return taken or v.agent ~= had
end

-- Whether anything of the conversation could wait in an inbox: a mail or message that has not ended.
function conversations.has_written(v)
  for _, c in ipairs(conversations.open_contacts(v)) do
    if contacts.is_written(c) then return true end
  end
  return false
end

-- Withdraws the offer of a mail or message of the conversation, nil or whom it is made to: an agent decides by hand
-- whose the customer is, and who gets one gets the others (R191).
function conversations.withdraw_offer(v, agent_id)
  for _, c in ipairs(conversations.open_contacts(v)) do
    local is_theirs = not agent_id or c.agent == agent_id
    if c.state == 'OFFERED' and contacts.is_written(c) and is_theirs then
      offers.give_back(offers.get(c.offer), 'WITHDRAWN')
    end
  end
end

-- Whoever gives the mail and messages of a conversation away gets them back only if nobody else can take them (R141).
function conversations.turn_down(v, agent_id)
  for _, c in ipairs(conversations.open_contacts(v)) do
    if contacts.is_for_agents(c) then contacts.note_turned_down(c, agent_id) end
  end
end

-- Moves the mail and messages of a conversation to an inbox, where they wait for someone else than who gives them away,
-- '' for somebody else, due by its SLA (R152, R182). The earliest that was not answered decides for all that were not
-- (R151). An automatic agent has none of them any more (R189).
function conversations.pass_on(v, giver, inbox_id, sla)
  local a = v.agent ~= '' and agents.get(v.agent) or nil
  conversations.withdraw_offer(v)
  for _, c in ipairs(conversations.open_contacts(v)) do
    if c.state == 'AUTOMATED' and contacts.is_written(c) then conversations.take_over(v, c) end
  end
  if giver ~= '' then conversations.turn_down(v, giver) end
  conversations.move(v, inbox_id)
  if v.due_time ~= '' then v.due_time = record.number(v, 'unhelped_time') + sla end
  for _, c in ipairs(conversations.open_contacts(v)) do
    if contacts.is_written(c) then
      if c.state == 'WAITING' then queue.leave(c) end
      c.inbox = inbox_id
      local came = record.number(c, 'queue_time')
      local is_unanswered = v.due_time ~= '' and came >= record.number(v, 'unhelped_time')
      c.due_time = is_unanswered and v.due_time or came + sla
      c.preferred = ''
      events.contact('CONTACT_TRANSFERRED', c, { agent_id = giver })
      if c.state == 'ASSIGNED' then contacts.take_back(c) else queue.join(c) end
    end
  end
  if not a then return conversations.restate(v) end
  conversations.recount(v, a)
  conversations.let_go(v, a, 'QUEUE_TRANSFER')
end

-- Gives a conversation to an agent by hand, whatever holds the agent back: with its mail and messages, wherever they
-- are (R180, R181), also with an automatic agent (R189). A call stays where it is.
function conversations.hand_to(v, a)
  local earlier = v.agent
  -- From now on a same-agent limit counts (R120).
  v.written_time = clock.now()
  conversations.withdraw_offer(v)
  for _, c in ipairs(conversations.open_contacts(v)) do
    if contacts.is_written(c) and c.agent ~= a.id then
      local had = c.agent
      if c.state == 'AUTOMATED' then
        conversations.take_over(v, c)
      elseif c.state == 'WAITING' and c.parked == '' then
        queue.leave(c)
      end
      contacts.assign(c, a, 'NAMED')
      if had ~= '' then notes.add(agents.get(had), { contact_changed = show.contact(c) }) end
    end
  end
  local is_theirs = v.agent == a.id
  -- What the customer writes is theirs from now on, also if they had the customer by a call alone (A4).
  conversations.set_assignee(v, a, 'WRITTEN', 'MANUAL')
  if not is_theirs then
    redis.call('ZADD', keys.agent_customers(a.id), 'NX', clock.now(), 'conversation:' .. v.id)
    conversations.restate(v)
    notes.add(a, { conversation_changed = show.conversation(v) })
  end
  if earlier ~= '' and earlier ~= a.id then
    conversations.recount(v, agents.get(earlier))
    conversations.leave_list(v, agents.get(earlier))
  end
end

-- Takes the mail and messages of a conversation from its agent: it waits as new in its inbox, unless someone has the
-- customer's call, whose it is then (R125, R196); for a reason (R187).
function conversations.let_go(v, a, reason)
  redis.call('ZREM', keys.agent_unhelped(a.id), v.id)
  board.note_agent(a.id)
  for _, c in ipairs(conversations.open_contacts(v)) do
    if c.group == 'VOICE' and c.state == 'ASSIGNED' and c.transfer_of == '' then
      -- Who reopened it by hand has let go of it too (R202).
      v.reopened_by = ''
      conversations.set_assignee(v, agents.get(c.agent), 'CALL', reason)
      return conversations.restate(v)
    end
  end
  v.claim = ''
  v.agent = ''
  events.conversation('CONVERSATION_ASSIGNEE_UPDATED', v, { why = reason })
  conversations.leave_list(v, a)
  conversations.restate(v)
  notes.add(a, { conversation_changed = show.conversation(v) })
end

-- Lists the conversation among its assignee's unhelped, or not. Who has it by a call alone is not the one to answer.
function conversations.mark_unhelped(v)
  if v.agent == '' then return end
  board.note_agent(v.agent)
  if v.unhelped_time == '' or v.claim ~= 'WRITTEN' then
    redis.call('ZREM', keys.agent_unhelped(v.agent), v.id)
  else
    redis.call('ZADD', keys.agent_unhelped(v.agent), v.unhelped_time, v.id)
  end
end

-- A contact of the conversation became the agent's. Mail and messages make the agent the assignee; a call only if no
-- mail or message is open with someone else (R196) and nobody else has reopened it by hand (R202), and one that the
-- agent began only if nobody is (R203); a consult never. The reason is for a change of the assignee (R187).
function conversations.give(v, c, a, reason)
  if contacts.is_written(c) then
    conversations.set_assignee(v, a, 'WRITTEN', reason)
  elseif reason == 'OUTBOUND_MESSAGE' then
    if v.agent == '' then conversations.set_assignee(v, a, 'CALL', reason) end
  elseif c.transfer_of == '' then
    local elsewhere = v.agent ~= '' and v.agent ~= a.id and v.agent == v.reopened_by
    for _, other in ipairs(conversations.open_contacts(v)) do
      elsewhere = elsewhere or
        (contacts.is_written(other) and other.state == 'ASSIGNED' and other.agent ~= a.id)
    end
    if not elsewhere then
      local claim = v.agent == a.id and v.claim == 'WRITTEN' and 'WRITTEN' or 'CALL'
      conversations.set_assignee(v, a, claim, reason)
    end
  end
  redis.call('ZADD', keys.agent_customers(a.id), 'NX', clock.now(), 'conversation:' .. v.id)
  conversations.recount(v, a)
  conversations.restate(v)
end

-- Makes an agent the assignee, instead of whoever was (R194), for a reason (R187).
function conversations.set_assignee(v, a, claim, reason)
  local earlier = v.agent
  v.had = '1'
  v.claim = claim
  v.last_agent = ''
  v.last_claim = ''
  if earlier ~= a.id then v.reopened_by = '' end
  if earlier ~= '' and earlier ~= a.id then
    redis.call('ZREM', keys.agent_unhelped(earlier), v.id)
    board.note_agent(earlier)
    v.agent = a.id
    conversations.leave_list(v, agents.get(earlier))
    notes.add(agents.get(earlier), { conversation_changed = show.conversation(v) })
  end
  v.agent = a.id
  conversations.mark_unhelped(v)
  if earlier ~= a.id then events.conversation('CONVERSATION_ASSIGNEE_UPDATED', v, { why = reason }) end
end

-- Takes the conversation off an agent's My Customers, unless it is assigned to the agent or has their call (R113).
function conversations.leave_list(v, a)
  local keeps = v.agent == a.id and v.state ~= 'CLOSED'
  for _, c in ipairs(conversations.open_contacts(v)) do
    keeps = keeps or (c.state == 'ASSIGNED' and c.agent == a.id)
  end
  if not keeps then redis.call('ZREM', keys.agent_customers(a.id), 'conversation:' .. v.id) end
end

-- Whether the conversation counts against the agent's messaging capacity: a message of it is the agent's or is being
-- offered to them (R88, R91).
function conversations.recount(v, a)
  local counts = false
  for _, c in ipairs(conversations.open_contacts(v)) do
    counts = counts or (c.group == 'MESSAGING' and c.agent == a.id and (c.state == 'ASSIGNED' or c.state == 'OFFERED'))
  end
  agents.count(a, v.id, counts)
end

-- Brings the status in line with the contacts (R11). One that nothing and nobody holds is closed by automation (R84);
-- with an automatic agent alone nobody waits for agents (R189).
function conversations.restate(v)
  if v.state == 'CLOSED' then return end
  local before, has_more = v.state, has_more_for_agents(v)
  if not has_more then
    v.unhelped_time = ''
    v.due_time = ''
    conversations.mark_unhelped(v)
  end
  if #conversations.open_contacts(v) == 0 then
    if v.agent == '' then
      -- Nobody closes it: it is automation (R84).
      local by = events.by
      events.by = 'engine/close'
      conversations.close(v)
      events.by = by
      return
    end
    v.state = 'WAITING'
  else
    v.state = v.agent == '' and has_more and 'NEW' or 'OPEN'
  end
  if v.state == before then return end
  events.conversation('CONVERSATION_STATUS_UPDATED', v)
  if v.agent ~= '' then notes.add(agents.get(v.agent), { conversation_changed = show.conversation(v) }) end
end

function conversations.contact_ended(v, c)
  redis.call('SREM', keys.conversation_contacts(v.id), c.id)
  if c.agent ~= '' then
    conversations.recount(v, agents.get(c.agent))
    conversations.leave_list(v, agents.get(c.agent))
  end
  if v.state == 'CLOSED' then return end
  if agents.is_deactivated(v.agent) then
    conversations.free(v)
  else
    conversations.restate(v)
  end
end

-- Closes a conversation: ends what is open and lets go of agent and customer (R108).
function conversations.close(v)
  v.state = 'CLOSED'
  v.close_time = clock.now()
  v.unhelped_time = ''
  conversations.mark_unhelped(v)
  for _, c in ipairs(conversations.open_contacts(v)) do
    -- A consult ends with its call.
    if c.transfer_of == '' then contacts.finish(c, 'CONVERSATION_CLOSED') end
  end
  if v.agent ~= '' then
    local a = agents.get(v.agent)
    conversations.leave_list(v, a)
    agents.touch(a)
    notes.add(a, { conversation_changed = show.conversation(v) })
  end
  events.conversation(events.CONVERSATION_CLOSED, v)
  redis.call('DEL', keys.conversation_contacts(v.id))
  redis.call('PEXPIRE', keys.conversation_notes(v.id), settings.retention)
  timeline.let_go(v.customer)
  record.expire(v, settings.retention)
end

-- Adds what an agent notes, which goes when the conversation does; returns it. It changes nothing else (R9).
function conversations.note(v, agent_id, text)
  local note = {
    note_id = runs.next_id('note-'), conversation_id = v.id, agent_id = agent_id, text = text,
    create_time = clock.now(),
  }
  local said = cjson.encode(note)
  redis.call('HSET', keys.conversation_notes(v.id), note.note_id, said)
  if v.state == 'CLOSED' then
    redis.call('PEXPIRE', keys.conversation_notes(v.id), redis.call('PTTL', keys.conversation(v.id)))
  end
  timeline.add(v.customer, note.create_time, 'note:' .. v.id .. '/' .. note.note_id)
  events.conversation('NOTE_CREATED', v, { agent_id = agent_id, why = said })
  return note
end

-- Whether a mail or message of the conversation is being offered: the others wait for its outcome (R191).
function conversations.is_being_offered(v)
  for _, c in ipairs(conversations.open_contacts(v)) do
    if c.state == 'OFFERED' and contacts.is_written(c) then return true end
  end
  return false
end

-- Why this agent can't act on the conversation as its assignee, and what the message names; nil if they can. Somebody
-- else, '', acts whoever has it.
function conversations.refusal(v, agent_id)
  local about = { conversation_id = v.id }
  if not record.exists(v) then return 'CONVERSATION_UNKNOWN', about end
  if v.state == 'CLOSED' then return 'CONVERSATION_CLOSED', about end
  if agent_id ~= '' and v.agent ~= agent_id then
    return 'CONVERSATION_NOT_YOURS', { conversation_id = v.id, agent_id = agent_id }
  end
  return nil
end
