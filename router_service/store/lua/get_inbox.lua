#!lua flags=no-writes
-- An inbox with its members.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       inbox
-- Returns {'OK', {inbox, agent_ids}} | {'REFUSED', reason, metadata}
--         INBOX_UNKNOWN
-- O(n) in the members.

local inbox = inboxes.show(ARGV[2])
if not inbox then return step.refuse('INBOX_UNKNOWN', { inbox_id = ARGV[2] }) end
local members = redis.call('SMEMBERS', keys.inbox_members(ARGV[2]))
table.sort(members)
return { 'OK', cjson.encode({ inbox = inbox, agent_ids = members }) }
