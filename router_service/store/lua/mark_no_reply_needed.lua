#!lua flags=allow-oom
-- The agent's mail of a conversation needs no reply: it is over, and the conversation waits with its agent (R133).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       conversation
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', conversation, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONVERSATION_UNKNOWN, CONVERSATION_CLOSED, CONVERSATION_NOT_YOURS, REQUEST_ID_REUSED
-- O(n) in the conversation's open contacts.

local agent_id, conversation_id, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local again = step.command('mark_no_reply_needed', agent_id, by, request_id, conversation_id)
if again then return again end
local v = conversations.get(conversation_id)
local refused, about = conversations.refusal(v, agent_id)
if refused then return step.refuse(refused, about) end

for _, c in ipairs(conversations.open_contacts(v)) do
  if c.state == 'ASSIGNED' and c.agent == agent_id and c.group == 'MAIL_TASKS' then
    contacts.finish(c, 'NO_REPLY_NEEDED')
  end
end
conversations.forget_answered(v)
return step.done(function() return show.conversation(v) end)
