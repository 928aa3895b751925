#!lua flags=no-writes
-- Reads an entry point.
--
-- KEYS  prefix       the tenant's prefix
-- ARGV  mode         real | manual
--       entry_point
-- Returns {'OK', entry_point} | {'REFUSED', reason, metadata}
--         ENTRY_POINT_UNKNOWN
-- O(n) in its exceptions.

local entry_point = inboxes.show_entry_point(ARGV[2])
if not entry_point then return step.refuse('ENTRY_POINT_UNKNOWN', { entry_point_id = ARGV[2] }) end
return { 'OK', cjson.encode(entry_point) }
