#!lua flags=allow-oom
-- Brings the next customer to an agent who asks, at once and without an offer; a call rings (R95-R100, R109-R112). Or
-- says what would be brought.
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       agent
--       source    AVAILABILITY | TOPICS
--       current   the conversation the agent is looking at, '' for none
--       only      a channel group, '' for all
--       peek      '1' to be told what would be brought, ''
--       request   id of the request, '' for none
--       by        who gave the command, as kind/id, '' for the agent (R37, R223)
-- Returns {'OK', brought, changes, unsettled} | {'REFUSED', reason, metadata}
--         AGENT_UNKNOWN, AGENT_DEACTIVATED, AGENT_LOGGED_OUT, AGENT_AWAY, AGENT_IN_FOCUS, AGENT_IN_SETTINGS,
--         NO_CHANNEL_ON, PRESENCE_UNKNOWN, REQUEST_ID_REUSED
-- O(log n) in those who wait, times the agent's inboxes.

local agent_id, source, current, only = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local peek, request_id, by = ARGV[6] == '1', ARGV[7], ARGV[8]

local asked = source .. '/' .. current .. '/' .. only .. '/' .. ARGV[6]
local again = step.command('request_next', agent_id, by, request_id, asked)
if again then return again end
local a = agents.get(agent_id)
local about = { agent_id = agent_id }
if not record.exists(a) then return step.refuse('AGENT_UNKNOWN', about) end
local refusal = next_up.refusals[can.full_hold(a)]
if refusal then return step.refuse(refusal, about) end
if source == 'AVAILABILITY' and a.toggles == '' then return step.refuse('NO_CHANNEL_ON', about) end

local own = source == 'TOPICS' and only == '' and next_up.own(a, current) or nil
if own then
  if not peek then agents.start_afresh(a) end
  return step.done(function() return { own = show.conversation(own) } end)
end
if not view.is_fresh() then return step.refuse('PRESENCE_UNKNOWN') end

local brought = peek and next_up.peek(a, only) or next_up.bring(a, only)
return step.done(function() return brought end)
