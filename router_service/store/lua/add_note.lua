-- An agent notes something about a conversation, whoever has it, open or closed (R9).
--
-- KEYS  prefix        the tenant's prefix
-- ARGV  mode          real | manual
--       agent
--       conversation
--       text
--       request       id of the request, '' for none
--       by            who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', note, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONVERSATION_UNKNOWN, AGENT_UNKNOWN, REQUEST_ID_REUSED
-- O(1).

local agent_id, conversation_id, text, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local again = step.command('add_note', agent_id, by, request_id, conversation_id .. '/' .. text)
if again then return again end
local v = conversations.get(conversation_id)
if not record.exists(v) then return step.refuse('CONVERSATION_UNKNOWN', { conversation_id = conversation_id }) end
if not record.exists(agents.get(agent_id)) then return step.refuse('AGENT_UNKNOWN', { agent_id = agent_id }) end

local note = conversations.note(v, agent_id, text)
return step.done(function() return note end)
