-- An agent begins a contact with a customer: a call, a message or an email (R203, R204).
--
-- KEYS  prefix       the tenant's prefix
-- ARGV  mode         real | manual
--       agent
--       contact      id, chosen by the caller
--       customer
--       channel      a Channel without its prefix
--       group        the channel's ChannelGroup without its prefix
--       inbox        of the conversation, if one begins
--       attributes   JSON object, '' for none
--       fingerprint  of all of the above: the same id with another one is refused
--       request      id of the request, '' for none
--       by           who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         AGENT_UNKNOWN, AGENT_DEACTIVATED, AGENT_LOGGED_OUT, AGENT_ON_CALL, INBOX_UNKNOWN, INBOX_INACTIVE,
--         CONTACT_ID_REUSED, REQUEST_ID_REUSED
-- O(log n) in those who wait and those who are ready.

local agent_id, id, customer, channel, group = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local inbox_id, attributes, fingerprint, request_id, by = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]

local again = step.command('start_outbound_contact', agent_id, by, request_id, fingerprint)
if again then return again end
local c = contacts.get(id)
if record.exists(c) then
  if c.fingerprint ~= fingerprint then return step.refuse('CONTACT_ID_REUSED', { contact_id = id }) end
  return step.done(function() return show.contact(c) end)
end
local a = agents.get(agent_id)
local refused, about = agents.refusal(agent_id)
if refused then return step.refuse(refused, about) end
if a.logged_in == '' then return step.refuse('AGENT_LOGGED_OUT', { agent_id = agent_id }) end
local inbox = inboxes.show(inbox_id)
if not inbox then return step.refuse('INBOX_UNKNOWN', { inbox_id = inbox_id }) end
local live = conversations.live(customer)
if inbox.inactive and not live then return step.refuse('INBOX_INACTIVE', { inbox_id = inbox_id }) end
local call = a.call ~= '' and a.call or a.dialling
if group == 'VOICE' and call ~= '' then
  return step.refuse('AGENT_ON_CALL', { agent_id = agent_id, contact_id = call })
end

c.customer = customer
c.channel = channel
c.group = group
c.inbox = inbox_id
c.attributes = attributes
c.fingerprint = fingerprint
outbound.begin(c, a, live)
return step.done(function() return show.contact(c) end)
