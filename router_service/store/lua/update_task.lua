-- Changes a task: its text, its due date, its inbox, its agent (R132). What the agent has re-dated is theirs for good
-- (R125).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       contact
--       text
--       due       ms
--       inbox
--       to        the agent whose task it is from now on, '' to queue it in its inbox
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN, CONTACT_NOT_A_TASK, CONTACT_ENDED, CONTACT_NOT_YOURS, DUE_TIME_PAST, INBOX_UNKNOWN,
--         INBOX_INACTIVE, AGENT_UNKNOWN, AGENT_DEACTIVATED, REQUEST_ID_REUSED
-- O(log n) in those who wait.

local agent_id, contact_id, text, due, inbox_id, to = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local request_id, by = ARGV[8], ARGV[9]

local asked = table.concat({ contact_id, due, inbox_id, to, text }, '/')
local again = step.command('update_task', agent_id, by, request_id, asked)
if again then return again end
local c = contacts.get(contact_id)
local refused, about = contacts.task_refusal(c, agent_id)
if refused then return step.refuse(refused, about) end
if c.state == 'ENDED' then return step.refuse('CONTACT_ENDED', { contact_id = contact_id }) end
if tonumber(due) ~= record.number(c, 'due_time') and tonumber(due) <= clock.now() then
  return step.refuse('DUE_TIME_PAST', { contact_id = contact_id })
end
local inbox = inboxes.show(inbox_id)
if not inbox then return step.refuse('INBOX_UNKNOWN', { inbox_id = inbox_id }) end
if inbox.inactive and c.inbox ~= inbox_id then return step.refuse('INBOX_INACTIVE', { inbox_id = inbox_id }) end
if to ~= '' then
  refused, about = agents.refusal(to)
  if refused then return step.refuse(refused, about) end
end

if c.state == 'WAITING' then queue.leave(c) end
if c.text ~= text or c.inbox ~= inbox_id then
  c.text = text
  if c.inbox ~= inbox_id then c.join_time = clock.now() end
  c.inbox = inbox_id
  events.contact('TASK_CONTENT_UPDATED', c)
end
if c.due_time ~= due then
  c.due_time = due
  events.contact('TASK_DUE_DATE_UPDATED', c)
end
c.returnable = ''
contacts.place_task(c, to, 'MANUAL')
return step.done(function() return show.contact(c) end)
