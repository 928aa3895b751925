-- Takes the mail and messages of a conversation from its agent, who asks for it: it waits as new in its inbox (R183).
--
-- KEYS  prefix        the tenant's prefix
-- ARGV  mode          real | manual
--       agent
--       conversation
--       request       id of the request, '' for none
--       by            who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', conversation, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONVERSATION_UNKNOWN, CONVERSATION_CLOSED, CONVERSATION_NOT_YOURS, NOTHING_WRITTEN_OPEN, REQUEST_ID_REUSED
-- O(log n) in those who wait and those who are ready, times the conversation's open contacts.

local agent_id, conversation_id, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local again = step.command('unassign_conversation', agent_id, by, request_id, conversation_id)
if again then return again end
local v = conversations.get(conversation_id)
local refused, about = conversations.refusal(v, agent_id)
if refused then return step.refuse(refused, about) end
if not conversations.has_for_agents(v) then
  return step.refuse('NOTHING_WRITTEN_OPEN', { conversation_id = conversation_id })
end

conversations.withdraw_offer(v)
conversations.turn_down(v, agent_id)
if not conversations.release(v, agents.get(agent_id), 'MANUAL') then
  -- What is open waits with nobody yet: the agent's claim is a call that is over, or from before a limit.
  conversations.let_go(v, agents.get(agent_id), 'MANUAL')
end
return step.done(function() return show.conversation(v) end)
