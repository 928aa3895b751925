#!lua flags=allow-oom
-- Takes agents out of an inbox (R167).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       inbox
--       agents   one argument each
-- Returns {'OK', inbox, changes, unsettled} | {'REFUSED', reason, metadata}
--         INBOX_UNKNOWN
-- O(log n) in those who are ready, times the agents.

local inbox = ARGV[2]

if not inboxes.show(inbox) then return step.refuse('INBOX_UNKNOWN', { inbox_id = inbox }) end
for i = 3, #ARGV do inboxes.remove(inbox, agents.get(ARGV[i])) end
return step.done(function() return inboxes.show(inbox) end)
