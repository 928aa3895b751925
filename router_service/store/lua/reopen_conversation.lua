-- An agent reopens a closed conversation: it waits with them, whatever holds them back (R202).
--
-- KEYS  prefix        the tenant's prefix
-- ARGV  mode          real | manual
--       agent
--       conversation
--       request       id of the request, '' for none
--       by            who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', conversation, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONVERSATION_UNKNOWN, CONVERSATION_OPEN, AGENT_UNKNOWN, AGENT_DEACTIVATED, REQUEST_ID_REUSED
-- O(log n) in the agent's customers.

local agent_id, conversation_id, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local again = step.command('reopen_conversation', agent_id, by, request_id, conversation_id)
if again then return again end
local v = conversations.get(conversation_id)
if not record.exists(v) then return step.refuse('CONVERSATION_UNKNOWN', { conversation_id = conversation_id }) end
-- A customer has one at a time (R2).
local open = v.state == 'CLOSED' and conversations.live(v.customer) or v
if open.state ~= 'CLOSED' then return step.refuse('CONVERSATION_OPEN', { conversation_id = open.id }) end
local refused, about = agents.refusal(agent_id)
if refused then return step.refuse(refused, about) end

conversations.reopen_for(v, agents.get(agent_id))
return step.done(function() return show.conversation(v) end)
