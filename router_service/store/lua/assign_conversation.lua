-- Gives a conversation to an agent, or to an inbox where it waits as new, by hand (R152, R180-R182, R184).
--
-- KEYS  prefix        the tenant's prefix
-- ARGV  mode          real | manual
--       agent         the assignee, who gives it away; '' for somebody else, whoever has it
--       conversation
--       inbox         '' if an agent gets it
--       to            the agent who gets it, ''
--       request       id of the request, '' for none
--       by            who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', conversation, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONVERSATION_UNKNOWN, CONVERSATION_CLOSED, CONVERSATION_NOT_YOURS, NOTHING_WRITTEN_OPEN, INBOX_UNKNOWN,
--         INBOX_INACTIVE, AGENT_UNKNOWN, AGENT_DEACTIVATED, REQUEST_ID_REUSED
-- O(log n) in those who wait and those who are ready, times the conversation's open contacts.

local agent_id, conversation_id, inbox_id, to = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local request_id, by = ARGV[6], ARGV[7]

local asked = table.concat({ conversation_id, inbox_id, to }, '/')
local again = step.command('assign_conversation', agent_id, by, request_id, asked)
if again then return again end
local v = conversations.get(conversation_id)
local refused, about = conversations.refusal(v, agent_id)
if refused then return step.refuse(refused, about) end
if to ~= '' then
  refused, about = agents.refusal(to)
  if refused then return step.refuse(refused, about) end
  conversations.hand_to(v, agents.get(to))
  return step.done(function() return show.conversation(v) end)
end
local inbox = inboxes.show(inbox_id)
if not inbox then return step.refuse('INBOX_UNKNOWN', { inbox_id = inbox_id }) end
if inbox.inactive and v.inbox ~= inbox_id then return step.refuse('INBOX_INACTIVE', { inbox_id = inbox_id }) end
if not conversations.has_written(v) then
  return step.refuse('NOTHING_WRITTEN_OPEN', { conversation_id = conversation_id })
end

conversations.pass_on(v, agent_id, inbox_id, inbox.sla)
return step.done(function() return show.conversation(v) end)
