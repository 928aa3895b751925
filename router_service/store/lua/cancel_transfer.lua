#!lua flags=allow-oom
-- Cancels a transfer that is not completed: the consult ends, and the call is the agent's as before (R186).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       contact
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN, CONTACT_ENDED, CONTACT_NOT_YOURS, NO_TRANSFER, REQUEST_ID_REUSED
-- O(log n) in those who wait and those who are ready.

local agent_id, contact_id, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local again = step.command('cancel_transfer', agent_id, by, request_id, contact_id)
if again then return again end
local c = contacts.get(contact_id)
local refused, about = contacts.refusal(c, agent_id)
if refused then return step.refuse(refused, about) end
if not transfers.pending(c) then return step.refuse('NO_TRANSFER', { contact_id = contact_id }) end

transfers.fail(c, 'CANCELLED')
return step.done(function() return show.contact(c) end)
