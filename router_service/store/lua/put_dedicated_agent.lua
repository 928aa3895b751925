-- Names a customer's dedicated agent, in place of whoever was before (R176).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       customer
--       agent
--       inbox     for messages that the agent can't take
-- Returns {'OK', dedicated_agent, changes, unsettled} | {'REFUSED', reason, metadata}
--         AGENT_UNKNOWN, AGENT_DEACTIVATED, INBOX_UNKNOWN
-- O(1).

local customer, agent_id, inbox_id = ARGV[2], ARGV[3], ARGV[4]

local refused, about = agents.refusal(agent_id)
if refused then return step.refuse(refused, about) end
if not inboxes.show(inbox_id) then return step.refuse('INBOX_UNKNOWN', { inbox_id = inbox_id }) end

dedicated.put(customer, agent_id, inbox_id)
return step.done(function() return dedicated.show(customer) end)
