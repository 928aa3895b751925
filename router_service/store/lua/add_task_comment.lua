-- An agent comments on a task that is not closed, whoever has it (R9, R132, R222).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       contact
--       text
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', comment, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN, CONTACT_NOT_A_TASK, CONTACT_ENDED, AGENT_UNKNOWN, REQUEST_ID_REUSED
-- O(1).

local agent_id, contact_id, text, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local again = step.command('add_task_comment', agent_id, by, request_id, contact_id .. '/' .. text)
if again then return again end
local c = contacts.get(contact_id)
if not record.exists(c) then return step.refuse('CONTACT_UNKNOWN', { contact_id = contact_id }) end
if c.channel ~= 'TASK' then return step.refuse('CONTACT_NOT_A_TASK', { contact_id = contact_id }) end
if c.state == 'ENDED' then return step.refuse('CONTACT_ENDED', { contact_id = contact_id }) end
if not record.exists(agents.get(agent_id)) then return step.refuse('AGENT_UNKNOWN', { agent_id = agent_id }) end

local comment = contacts.comment(c, agent_id, text)
return step.done(function() return comment end)
