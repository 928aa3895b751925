-- Takes in a contact: it goes to the agent who has the customer's conversation, is offered to the best ready agent of
-- its inbox, or waits (R2, R119, R190-R192). A task may name its agent (R131).
--
-- KEYS  prefix       the tenant's prefix
-- ARGV  mode         real | manual
--       contact      id, chosen by the caller
--       customer
--       channel      a Channel without its prefix
--       group        the channel's ChannelGroup without its prefix
--       inbox
--       attributes   JSON object, '' for none
--       sla          ms, '' for the inbox's
--       text         a task's text, ''
--       due          a task's due time in ms, ''
--       agent        a task's agent, '' for none
--       skills       what the contact requires, as lib/skills.lua says, '' for nothing
--       relaxations  JSON array of {after, skills}: what it requires instead so many ms after it came, '' for none
--       fingerprint  of all of the above: the same id with another one is refused
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         INBOX_UNKNOWN, AGENT_UNKNOWN, CONTACT_ID_REUSED, DUE_TIME_PAST
-- O(log n) in those who wait and those who are ready.

local id, customer, channel, group, inbox_id = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local attributes, sla, text, due, agent_id = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local required, relaxations, fingerprint = ARGV[12], ARGV[13], ARGV[14]

local c = contacts.get(id)
if record.exists(c) then
  if c.fingerprint ~= fingerprint then return step.refuse('CONTACT_ID_REUSED', { contact_id = id }) end
  return step.done(function() return show.contact(c) end)
end
local inbox_sla = redis.call('HGET', keys.inbox(inbox_id), 'sla')
if not inbox_sla then return step.refuse('INBOX_UNKNOWN', { inbox_id = inbox_id }) end
if due ~= '' and tonumber(due) <= clock.now() then return step.refuse('DUE_TIME_PAST', { contact_id = id }) end
if agent_id ~= '' and not record.exists(agents.get(agent_id)) then
  return step.refuse('AGENT_UNKNOWN', { agent_id = agent_id })
end

c.customer = customer
c.channel = channel
c.group = group
c.inbox = inbox_id
c.attributes = attributes
c.text = text
c.skills = required
c.relaxations = relaxations
c.fingerprint = fingerprint
c.state = 'WAITING'
c.queue_time = clock.now()
c.due_time = due ~= '' and due or clock.now() + tonumber(sla ~= '' and sla or inbox_sla)
if relaxations ~= '' then queue.time_relaxation(c, cjson.decode(relaxations)) end

if channel == 'TASK' then
  if agent_id ~= '' then
    contacts.assign(c, agents.get(agent_id), 'NAMED')
  else
    queue.join(c)
  end
else
  local v = conversations.live(customer) or conversations.open(customer, inbox_id)
  conversations.join(v, c)
  if contacts.is_written(c) and v.agent ~= '' and v.claim == 'WRITTEN' then
    contacts.assign(c, agents.get(v.agent), 'SAME_CONVERSATION')
  elseif contacts.is_written(c) and conversations.is_being_offered(v) then
    c.parked = '1'
    conversations.restate(v)
  else
    queue.join(c)
    conversations.restate(v)
  end
end
return step.done(function() return show.contact(c) end)
