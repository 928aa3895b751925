#!lua flags=allow-oom
-- Declines an offer: the contact returns to its place, and the agent is sent nothing more until they ask (R135, R140).
-- Or says that the agent's device could not take it, which is held against nobody (R142).
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       offer
--       token     as the offer carried it
--       reason    DECLINED | DEVICE_ERROR
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', {}, changes, unsettled} | {'REFUSED', reason, metadata}
--         OFFER_GONE, DECLINE_NOT_ALLOWED, REQUEST_ID_REUSED
-- O(log n) in those who wait and those who are ready.

local agent_id, offer_id, token, reason = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local request_id, by = ARGV[6], ARGV[7]

local again = step.command('decline_offer', agent_id, by, request_id, offer_id .. '/' .. token .. '/' .. reason)
if again then return again end
local o = offers.get(offer_id)
if not offers.is_open(o, agent_id, token) then return step.refuse('OFFER_GONE', { offer_id = offer_id }) end

if reason == 'DEVICE_ERROR' then
  offers.fail(o)
  return step.done()
end
if o.group == 'VOICE' and not settings.is_on('decline_calls_allowed') and not offers.is_named(o) then
  return step.refuse('DECLINE_NOT_ALLOWED', { offer_id = offer_id })
end
offers.decline(o)
return step.done()
