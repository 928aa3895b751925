#!lua flags=allow-oom
-- The customer answered the agent's call (R73, R78).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       contact
--       by       who reported it, as kind/id, '' if they did not say (R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN, CONTACT_ENDED, CONTACT_NOT_OUTBOUND
-- O(log n) in those who wait and those who are ready, times the agent's open offers.

local c, by = contacts.get(ARGV[2]), ARGV[3]
if not record.exists(c) then return step.refuse('CONTACT_UNKNOWN', { contact_id = c.id }) end
if c.direction ~= 'OUTBOUND' or c.group ~= 'VOICE' then
  return step.refuse('CONTACT_NOT_OUTBOUND', { contact_id = c.id })
end
if c.state == 'ENDED' then return step.refuse('CONTACT_ENDED', { contact_id = c.id }) end

events.by = by
if c.ring_end ~= '' then outbound.connect(c) end
return step.done(function() return show.contact(c) end)
