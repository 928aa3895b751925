#!lua flags=allow-oom
-- Puts a call of the agent on hold; the agent stays busy (R86). One that is on hold stays so.
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       contact
--       reason    a HoldReason without its prefix
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN, CONTACT_ENDED, CONTACT_NOT_YOURS, CONTACT_NOT_A_CALL, CONTACT_NOT_CONNECTED,
--         REQUEST_ID_REUSED
-- O(1).

local agent_id, contact_id, reason, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local again = step.command('hold_contact', agent_id, by, request_id, contact_id .. '/' .. reason)
if again then return again end
local c = contacts.get(contact_id)
local refused, about = contacts.refusal(c, agent_id)
if refused then return step.refuse(refused, about) end
if c.group ~= 'VOICE' then return step.refuse('CONTACT_NOT_A_CALL', { contact_id = contact_id }) end
if c.ring_end ~= '' then return step.refuse('CONTACT_NOT_CONNECTED', { contact_id = contact_id }) end

contacts.hold(c, reason)
return step.done(function() return show.contact(c) end)
