-- Makes agents members of an inbox (R158, R167).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       inbox
--       agents   one argument each
-- Returns {'OK', inbox, changes, unsettled} | {'REFUSED', reason, metadata}
--         INBOX_UNKNOWN
-- O(log n) in those who wait and those who are ready, times the agents.

local inbox = ARGV[2]

if not inboxes.show(inbox) then return step.refuse('INBOX_UNKNOWN', { inbox_id = inbox }) end
for i = 3, #ARGV do inboxes.add(inbox, agents.get(ARGV[i])) end
return step.done(function() return inboxes.show(inbox) end)
