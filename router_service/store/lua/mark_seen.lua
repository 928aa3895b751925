#!lua flags=allow-oom
-- The agent looked at what the customer sent, which helps nobody yet (R101).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       conversation
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', conversation, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONVERSATION_UNKNOWN, CONVERSATION_CLOSED, CONVERSATION_NOT_YOURS, REQUEST_ID_REUSED
-- O(1).

local agent_id, conversation_id, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local again = step.command('mark_seen', agent_id, by, request_id, conversation_id)
if again then return again end
local v = conversations.get(conversation_id)
local refused, about = conversations.refusal(v, agent_id)
if refused then return step.refuse(refused, about) end

v.unseen = ''
return step.done(function() return show.conversation(v) end)
