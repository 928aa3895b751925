#!lua flags=allow-oom
-- Completes a warm transfer: the call is the colleague's who has taken the consult, or ends as transferred outside
-- (R185).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       contact
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN, CONTACT_ENDED, CONTACT_NOT_YOURS, NO_TRANSFER, TRANSFER_NOT_ANSWERED, AGENT_DEACTIVATED,
--         REQUEST_ID_REUSED
-- O(log n) in those who wait and those who are ready.

local agent_id, contact_id, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local again = step.command('complete_transfer', agent_id, by, request_id, contact_id)
if again then return again end
local c = contacts.get(contact_id)
local refused, about = contacts.refusal(c, agent_id)
if refused then return step.refuse(refused, about) end
local transfer = transfers.pending(c)
if not transfer then return step.refuse('NO_TRANSFER', { contact_id = contact_id }) end
if transfer.consult_contact_id and transfer.state ~= 'ANSWERED' then
  return step.refuse('TRANSFER_NOT_ANSWERED', { contact_id = contact_id })
end
if transfer.agent_id and agents.is_deactivated(transfer.agent_id) then
  return step.refuse('AGENT_DEACTIVATED', { agent_id = transfer.agent_id })
end

transfers.complete(c, transfer)
return step.done(function() return show.contact(c) end)
