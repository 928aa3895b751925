#!lua flags=no-writes
-- Who waits in an inbox and who serves it, by channel group.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       inbox
-- Returns {'OK', {inbox_id, display_name, member_count, more_members, groups, next_due}}
--         | {'REFUSED', reason, metadata}
--         next_due is when the next of those who wait is due: after it one more is overdue
--         INBOX_UNKNOWN
-- O(n) in the members, of whom at most 1,000 are looked at, and O(log n) in those who wait.

local inbox = explain.inbox(ARGV[2])
if not inbox then return step.refuse('INBOX_UNKNOWN', { inbox_id = ARGV[2] }) end
return { 'OK', cjson.encode(inbox) }
