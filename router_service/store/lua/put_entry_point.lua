-- Creates an entry point or replaces what it says (R150, R159).
--
-- KEYS  prefix       the tenant's prefix
-- ARGV  mode         real | manual
--       entry_point
--       inbox        where its contacts go
--       sla          ms, '' for the inbox's
--       exceptions   JSON object of inboxes by address, '' for none
--       inboxes      all inboxes named, one argument each
-- Returns {'OK', entry_point, changes, unsettled} | {'REFUSED', reason, metadata}
--         INBOX_UNKNOWN
-- O(n) in the exceptions.

local entry_point, inbox, sla, exceptions = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

for i = 6, #ARGV do
  if not inboxes.show(ARGV[i]) then return step.refuse('INBOX_UNKNOWN', { inbox_id = ARGV[i] }) end
end
redis.call('DEL', keys.entry_point(entry_point))
redis.call('HSET', keys.entry_point(entry_point), 'inbox', inbox)
if sla ~= '' then redis.call('HSET', keys.entry_point(entry_point), 'sla', sla) end
if exceptions ~= '' then redis.call('HSET', keys.entry_point(entry_point), 'exceptions', exceptions) end
return step.done(function() return inboxes.show_entry_point(entry_point) end)
