#!lua flags=allow-oom
-- Closes a conversation of the agent: alone (R104), with Next (R102, R114), or as End & Close (R105).
--
-- KEYS  prefix        the tenant's prefix
-- ARGV  mode          real | manual
--       agent
--       conversation
--       follow        '' | NEXT | END
--       confirmed     '1' if the agent knows that the customer got no reply, ''
--       request       id of the request, '' for none
--       by            who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', {conversation, unanswered, brought}, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONVERSATION_UNKNOWN, CONVERSATION_CLOSED, CONVERSATION_NOT_YOURS, CONTACT_ELSEWHERE, AGENT_IN_FOCUS,
--         CONVERSATION_UNANSWERED, REQUEST_ID_REUSED
-- O(log n) in those who wait and those who are ready.

local agent_id, conversation_id, follow, confirmed = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local request_id, by = ARGV[6], ARGV[7]

local again = step.command('close_conversation', agent_id, by, request_id, conversation_id .. '/' .. follow)
if again then return again end
local a, v = agents.get(agent_id), conversations.get(conversation_id)
local refused, about = conversations.refusal(v, agent_id)
if refused then return step.refuse(refused, about) end
if follow ~= '' and can.presence_hold(a) == 'FOCUS' then
  return step.refuse('AGENT_IN_FOCUS', { agent_id = agent_id })
end
for _, c in ipairs(conversations.open_contacts(v)) do
  -- A consult with a colleague is nothing that would be lost.
  if c.transfer_of == '' and (c.state ~= 'ASSIGNED' or c.agent ~= agent_id) then
    return step.refuse('CONTACT_ELSEWHERE', { conversation_id = v.id, contact_id = c.id })
  end
end

local unanswered = v.unhelped_time ~= ''
if unanswered and confirmed == '' and settings.is_on('confirm_unanswered_close') then
  return step.refuse('CONVERSATION_UNANSWERED', { conversation_id = v.id })
end
conversations.close(v)
local brought
if follow == 'NEXT' then
  local hold = can.full_hold(a)
  if hold then
    brought = { nothing = 'NOT_ROUTABLE' }
  elseif not view.is_fresh() then
    brought = { nothing = 'PRESENCE_UNKNOWN' }
  else
    local own = settings.is_on('close_next_own_first') and next_up.own(a, v.id) or nil
    if own then agents.start_afresh(a) end
    brought = own and { own = show.conversation(own) } or next_up.bring(a, '')
  end
end
return step.done(function()
  return { conversation = show.conversation(v), unanswered = unanswered, brought = brought }
end)
