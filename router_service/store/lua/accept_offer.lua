#!lua flags=allow-oom
-- Accepts an offer: the contact is the agent's (R144, R145); for the consult of a cold transfer the customer's call
-- (R186).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       offer
--       token     as the offer carried it
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', {contact, conversation}, changes, unsettled} | {'REFUSED', reason, metadata}
--         OFFER_GONE, PRESENCE_UNKNOWN, REQUEST_ID_REUSED
-- O(log n) in those who wait and those who are ready.

local agent_id, offer_id, token, request_id, by = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local again = step.command('accept_offer', agent_id, by, request_id, offer_id .. '/' .. token)
if again then return again end
local o = offers.get(offer_id)
if not offers.is_open(o, agent_id, token) then return step.refuse('OFFER_GONE', { offer_id = offer_id }) end
-- Without the lease the agent may have entered Focus meanwhile; the offer rings on.
if not view.is_fresh() and not offers.is_named(o) then return step.refuse('PRESENCE_UNKNOWN') end

local c = offers.accept(o)
return step.done(function()
  return {
    contact = show.contact(c),
    conversation = c.conversation ~= '' and show.conversation(conversations.get(c.conversation)) or nil,
  }
end)
