-- Switches an inbox off for new work, or on again; what waits in it and what comes back to it goes on (R160).
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
--       inbox
--       active   '1' or ''
-- Returns {'OK', inbox, changes, unsettled} | {'REFUSED', reason, metadata}
--         INBOX_UNKNOWN
-- O(1).

local inbox, active = ARGV[2], ARGV[3] == '1'

if not inboxes.set_active(inbox, active) then return step.refuse('INBOX_UNKNOWN', { inbox_id = inbox }) end
return step.done(function() return inboxes.show(inbox) end)
