#!lua flags=allow-oom
-- The customer is gone: takes the contact out of its queue, ends its offer, or ends it with its agent (R83, R84). Or
-- the customer does not take the agent's call (R78), or one of two agents has hung up in a consult (R185).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       contact
--       by       who reported it, as kind/id, '' if they did not say (R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN
-- O(log n) in those who wait and those who are ready.

local c, by = contacts.get(ARGV[2]), ARGV[3]

if not record.exists(c) then return step.refuse('CONTACT_UNKNOWN', { contact_id = c.id }) end
events.by = by
if c.ring_end ~= '' then
  contacts.finish(c, 'NO_ANSWER')
elseif c.state == 'ASSIGNED' or c.state == 'AUTOMATED' then
  contacts.finish(c, c.transfer_of == '' and 'CUSTOMER_ENDED' or 'AGENT_ENDED')
elseif c.state ~= 'ENDED' then
  contacts.finish(c, c.transfer_of == '' and 'CUSTOMER_ABANDONED' or 'TRANSFER_CANCELLED')
end
return step.done(function() return show.contact(c) end)
