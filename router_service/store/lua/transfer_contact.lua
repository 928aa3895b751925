-- Transfers a call of the agent, cold or warm: to another agent, to an inbox, or outside (R185, R186).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       contact
--       kind      COLD | WARM
--       target    to_agent_id | to_inbox_id | to_address
--       to        the agent, the inbox, or who it is outside
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', contact, changes, unsettled} | {'REFUSED', reason, metadata}
--         CONTACT_UNKNOWN, CONTACT_ENDED, CONTACT_NOT_YOURS, CONTACT_NOT_A_CALL, CONTACT_NOT_CONNECTED,
--         CONTACT_IS_CONSULT, TRANSFER_PENDING, AGENT_UNKNOWN, AGENT_DEACTIVATED, AGENT_LOGGED_OUT, AGENT_ON_CALL,
--         INBOX_UNKNOWN, INBOX_INACTIVE, REQUEST_ID_REUSED
-- O(log n) in those who wait and those who are ready.

local agent_id, contact_id, kind, target, to = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local request_id, by = ARGV[7], ARGV[8]

local asked = table.concat({ contact_id, kind, target, to }, '/')
local again = step.command('transfer_contact', agent_id, by, request_id, asked)
if again then return again end
local c = contacts.get(contact_id)
local refused, about = contacts.refusal(c, agent_id)
refused = refused or transfers.refusal(c)
if refused then return step.refuse(refused, about or { contact_id = contact_id }) end

local inbox = target == 'to_inbox_id' and inboxes.show(to)
if target == 'to_agent_id' then
  refused, about = agents.refusal(to)
  if not refused then refused, about = transfers.agent_refusal(agents.get(to)) end
elseif target == 'to_inbox_id' then
  refused, about = transfers.inbox_refusal(inbox), { inbox_id = to }
end
if refused then return step.refuse(refused, about) end

local transfer = { kind = kind, [target] = to }
if target == 'to_agent_id' then
  transfers.ask_agent(c, transfer)
elseif inbox then
  local begin = kind == 'COLD' and transfers.pass_on or transfers.ask_inbox
  begin(c, transfer, inbox.sla)
else
  local begin = kind == 'COLD' and transfers.send_outside or transfers.begin
  begin(c, transfer)
end
return step.done(function() return show.contact(c) end)
