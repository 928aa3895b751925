-- Takes in a contact: it goes to the agent who has the customer's conversation, to the customer's dedicated agent, is
-- offered to the best ready agent of its inbox, or waits (R2, R119, R161, R177, R178, R190-R192). It reopens a
-- conversation that was closed lately (R12). A task may name its agent (R131). What an automatic agent has waits for
-- nobody (R189).
--
-- KEYS  prefix       the tenant's prefix
-- ARGV  mode         real | manual
--       contact      id, chosen by the caller
--       customer
--       channel      a Channel without its prefix
--       group        the channel's ChannelGroup without its prefix
--       inbox        '' where an entry point names it
--       entry_point  '' where the adapter names the inbox
--       address      what the customer reached, for the entry point's exceptions, ''
--       attributes   JSON object, '' for none
--       sla          ms, '' for the inbox's
--       text         a task's text, ''
--       due          a task's due time in ms, ''
--       agent        a task's agent, '' for none
--       skills       what the contact requires, as lib/skills.lua says, '' for nothing
--       relaxations  JSON array of {after, skills}: what it requires instead so many ms after it came, '' for none
--       automated    '1' if an automatic agent has it, ''
--       fingerprint  of all of the above: the same id with another one is refused
--       by           who brought it, as kind/id, '' if they did not say (R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         INBOX_UNKNOWN, INBOX_INACTIVE, ENTRY_POINT_UNKNOWN, AGENT_UNKNOWN, AGENT_DEACTIVATED, CONTACT_ID_REUSED,
--         DUE_TIME_PAST
-- O(log n) in those who wait and those who are ready.

local id, customer, channel, group, inbox_id = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local entry_point, address, attributes, sla, text = ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10]), ARGV[11]
local due, agent_id, required, relaxations, automated = ARGV[12], ARGV[13], ARGV[14], ARGV[15], ARGV[16]
local fingerprint, by = ARGV[17], ARGV[18]

local c = contacts.get(id)
if record.exists(c) then
  if c.fingerprint ~= fingerprint then return step.refuse('CONTACT_ID_REUSED', { contact_id = id }) end
  return step.done(function() return show.contact(c) end)
end
if entry_point ~= '' then
  local named, entry_sla = inboxes.enter(entry_point, address)
  if not named then return step.refuse('ENTRY_POINT_UNKNOWN', { entry_point_id = entry_point }) end
  inbox_id, sla = named, sla or entry_sla
end
local creator = string.match(by, '^agent/(.+)$')
if creator and not record.exists(agents.get(creator)) then
  return step.refuse('AGENT_UNKNOWN', { agent_id = creator })
end
local inbox = inboxes.show(inbox_id)
if not inbox then return step.refuse('INBOX_UNKNOWN', { inbox_id = inbox_id }) end
local live, closed, claim
if channel ~= 'TASK' then live, closed = conversations.of(customer) end
local known = live or closed
-- The order is: who has the conversation, the dedicated agent, the limits for mail, the next available agent (R161).
if channel ~= 'TASK' and group ~= 'VOICE' and automated == '' then
  claim = dedicated.claim(customer, group, inbox_id, known, c)
end
inbox = claim and claim.inbox or inbox
-- New work only: who has a conversation, or had one that is reopened, is answered where that is (R160).
local stays_there = known and (known.inbox == inbox.inbox_id
  or conversations.keeps_inbox(known, group) or closed and group ~= 'VOICE')
if inbox.inactive and not stays_there then
  return step.refuse('INBOX_INACTIVE', { inbox_id = inbox.inbox_id })
end
if due ~= '' and tonumber(due) <= clock.now() then return step.refuse('DUE_TIME_PAST', { contact_id = id }) end
if agent_id ~= '' then
  local refused, about = agents.refusal(agent_id)
  if refused then return step.refuse(refused, about) end
end

events.by = by
-- An agent who creates a task is active (R37).
step.commander = creator
c.customer = customer
c.channel = channel
c.group = group
c.inbox = inbox.inbox_id
c.attributes = attributes
c.text = text
c.skills = required
c.relaxations = relaxations
c.fingerprint = fingerprint
c.state = 'WAITING'
c.queue_time = clock.now()
c.due_time = due ~= '' and due or clock.now() + (sla or inbox.sla)

if channel == 'TASK' then
  contacts.tell_started(c)
  if agent_id ~= '' then
    contacts.assign(c, agents.get(agent_id), 'NAMED')
  else
    queue.join(c)
  end
else
  local v = known or conversations.open(customer, c.inbox)
  local holder, stays
  if closed then
    holder, stays = conversations.reopen_by(v, c, claim and group == 'MAIL_TASKS' and claim.agent or '')
  else
    holder, stays = conversations.last_holder(v), conversations.stays(v, c)
  end
  -- One that is reopened may move (R179).
  if claim and claim.inbox then conversations.move(v, c.inbox) end
  local is_automated = automated == '1' and not stays
  if is_automated then
    conversations.automate(v, c, sla or '', closed ~= nil)
  else
    -- Whoever has or had the customer and does not simply get this too is tried first (R120, R198).
    if contacts.is_written(c) and not stays then c.preferred = holder end
    conversations.join(v, c, closed ~= nil)
  end
  contacts.tell_started(c)
  if known and contacts.is_written(c) then events.contact('MESSAGE_RECEIVED', c) end
  if is_automated then
    conversations.restate(v)
  else
    conversations.place(v, c, stays and holder or '', claim)
  end
end
return step.done(function() return show.contact(c) end)
