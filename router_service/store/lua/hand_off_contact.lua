-- An automatic agent hands a contact to people: it is its customer's agent's at once, or the customer's dedicated
-- one's, is offered, or waits, like one that comes now (R177, R178, R189, R205). One that no automatic agent has stays
-- as it is.
--
-- KEYS  prefix       the tenant's prefix
-- ARGV  mode         real | manual
--       contact
--       inbox        '' for where it came in, or where an entry point names it
--       entry_point  '' where none does
--       skills       what it requires from now on, as lib/skills.lua says, '' for what it came with
--       by           who handed it off, as kind/id, '' if they did not say (R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN, INBOX_UNKNOWN, INBOX_INACTIVE, ENTRY_POINT_UNKNOWN
-- O(log n) in those who wait and those who are ready.

local id, inbox_id, entry_point, required, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local c = contacts.get(id)
if not record.exists(c) then return step.refuse('CONTACT_UNKNOWN', { contact_id = id }) end
if c.state ~= 'AUTOMATED' then return step.done(function() return show.contact(c) end) end
local sla
if entry_point ~= '' then
  inbox_id, sla = inboxes.enter(entry_point, '')
  if not inbox_id then return step.refuse('ENTRY_POINT_UNKNOWN', { entry_point_id = entry_point }) end
end
local is_named = inbox_id ~= ''
if not is_named then inbox_id = c.inbox end
local inbox = inboxes.show(inbox_id)
if not inbox then return step.refuse('INBOX_UNKNOWN', { inbox_id = inbox_id }) end
local v = conversations.get(c.conversation)
local claim = contacts.is_written(c) and dedicated.claim(c.customer, c.group, inbox_id, v, c) or nil
if claim and claim.inbox then
  inbox = claim.inbox
  inbox_id = inbox.inbox_id
end
-- It came when its inbox took work, so only another one can refuse it (R160).
if inbox.inactive and inbox_id ~= c.inbox and inbox_id ~= v.inbox and not conversations.keeps_inbox(v, c.group, c) then
  return step.refuse('INBOX_INACTIVE', { inbox_id = inbox_id })
end

events.by = by
local stays = conversations.stays(v, c)
local holder = conversations.last_holder(v)
c.inbox = inbox_id
-- One that was reopened may move (R179).
if claim and claim.inbox then conversations.move(v, inbox_id) end
if required ~= '' then
  c.skills = required
  c.relaxations = ''
end
if contacts.is_written(c) and not stays then c.preferred = holder end
conversations.take_over(v, c, is_named and (sla or inbox.sla) or nil)
conversations.place(v, c, stays and holder or '', claim)
return step.done(function() return show.contact(c) end)
