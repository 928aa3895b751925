#!lua flags=no-writes
-- One contact.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       contact
-- Returns {'OK', contact} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN
-- O(1).

local c = contacts.get(ARGV[2])
if not record.exists(c) then return step.refuse('CONTACT_UNKNOWN', { contact_id = c.id }) end
return { 'OK', cjson.encode(show.contact(c)) }
