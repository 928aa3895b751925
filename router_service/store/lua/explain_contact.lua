#!lua flags=no-writes
-- Why a contact is where it is: what keeps it from whom while it waits, who was chosen and why once it was offered.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       contact
-- Returns {'OK', {contact, held_back, ahead, member_count, candidates, counts, more_members, offer, assignment}}
--         | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN
-- O(n log n) in the members of its inbox, of whom at most 1,000 are looked at.

local c = contacts.get(ARGV[2])
if not record.exists(c) then return step.refuse('CONTACT_UNKNOWN', { contact_id = c.id }) end
queue.mends = false
return { 'OK', cjson.encode(explain.contact(c)) }
