#!lua flags=allow-oom
-- Gives back a mail or task item that was routed to the agent, with the other mail of its conversation: each returns to
-- its place, which counts as a decline (R125, R134, R191).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       contact
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN, CONTACT_ENDED, CONTACT_NOT_YOURS, CONTACT_NOT_RETURNABLE, REQUEST_ID_REUSED
-- O(log n) in those who wait and those who are ready.

local agent_id, contact_id, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local again = step.command('decline_contact', agent_id, by, request_id, contact_id)
if again then return again end
local c = contacts.get(contact_id)
local refused, about = contacts.refusal(c, agent_id)
if refused then return step.refuse(refused, about) end
local together = contacts.returnable(c)
if not together then return step.refuse('CONTACT_NOT_RETURNABLE', { contact_id = contact_id }) end

for _, each in ipairs(together) do contacts.note_turned_down(each, agent_id) end
contacts.note_declined(c, agents.get(agent_id))
figures.count_given_back(agents.get(agent_id))
contacts.give_back(together, c)
return step.done(function() return show.contact(c) end)
