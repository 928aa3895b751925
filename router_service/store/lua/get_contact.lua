#!lua flags=no-writes
-- One contact, and its place in line while it waits in one.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       contact
-- Returns {'OK', {contact, place}} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN
-- O(log n) in those who wait; while no member of its inbox is available O(n) in the members, at most 1,000.

local c = contacts.get(ARGV[2])
if not record.exists(c) then return step.refuse('CONTACT_UNKNOWN', { contact_id = c.id }) end
return { 'OK', cjson.encode({ contact = show.contact(c), place = place.of(c) }) }
