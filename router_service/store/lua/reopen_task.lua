-- Reopens a closed task: it is the agent's whose it was, or waits in its inbox again (R132), also where whose it was is
-- deactivated (R188).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       contact
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN, CONTACT_NOT_A_TASK, TASK_OPEN, CONTACT_NOT_YOURS, REQUEST_ID_REUSED
-- O(log n) in those who wait.

local agent_id, contact_id, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local again = step.command('reopen_task', agent_id, by, request_id, contact_id)
if again then return again end
local c = contacts.get(contact_id)
local refused, about = contacts.task_refusal(c, agent_id)
if refused then return step.refuse(refused, about) end
if c.state ~= 'ENDED' then return step.refuse('TASK_OPEN', { contact_id = contact_id }) end

c.end_reason = ''
c.end_time = ''
record.keep_on(c)
redis.call('PERSIST', keys.contact_comments(c.id))
timeline.open_task(c)
if agents.is_deactivated(c.agent) then
  c.agent = ''
  events.contact('TASK_ASSIGNEE_UPDATED', c, { why = 'USER_DEACTIVATED' })
end
contacts.place_task(c, c.agent)
events.contact('TASK_REOPENED', c)
return step.done(function() return show.contact(c) end)
