-- Creates an inbox or changes its name and SLA.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       inbox
--       name     shown to people
--       sla      ms
-- Returns {'OK', inbox, changes, unsettled}
-- O(log n) in the inboxes.

local inbox, name, sla = ARGV[2], ARGV[3], ARGV[4]

redis.call('HSET', keys.inbox(inbox), 'name', name, 'sla', sla)
redis.call('ZADD', keys.inboxes(), 0, inbox)
board.note_inbox(inbox)
return step.done(function() return inboxes.show(inbox) end)
