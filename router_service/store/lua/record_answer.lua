#!lua flags=allow-oom
-- The agent answered what the customer sent: the customer is helped (R101).
--
-- KEYS  prefix        the tenant's prefix
-- ARGV  mode          real | manual
--       agent
--       conversation
--       request       id of the request, '' for none
--       by            who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', conversation, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONVERSATION_UNKNOWN, CONVERSATION_CLOSED, CONVERSATION_NOT_YOURS, REQUEST_ID_REUSED
-- O(log n) in the agent's customers.

local agent_id, conversation_id, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local again = step.command('record_answer', agent_id, by, request_id, conversation_id)
if again then return again end
local v = conversations.get(conversation_id)
local refused, about = conversations.refusal(v, agent_id)
if refused then return step.refuse(refused, about) end

conversations.answer(v, agent_id)
return step.done(function() return show.conversation(v) end)
