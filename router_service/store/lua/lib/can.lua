-- What an agent can be given: the predicates of routing, one copy for every step.

function can.is_on(a, group)
  return string.find(a.toggles, group, 1, true) ~= nil
end

-- The first rule of presence that holds back all work of a channel group, or nil (R52).
function can.presence_hold(a, group)
  if a.logged_in == '' then return 'LOGGED_OUT' end
  if a.away == '1' then return 'AWAY' end
  if a.in_focus == '1' then return 'FOCUS' end
  if group and not can.is_on(a, group) then return 'TOGGLE_OFF' end
  if a.in_settings == '1' then return 'SETTINGS' end
  return nil
end

-- Whether presence lets work of this group reach the agent: effective availability.
function can.is_available(a, group)
  return can.presence_hold(a, group) == nil
end

-- The first rule that holds back new automatic work of a channel group, or nil: the agent is routable (R52).
function can.hold(a, group)
  local hold = can.presence_hold(a, group)
  if hold then return hold end
  if a.decline_stop ~= '' then return 'DECLINE_STOP' end
  if record.number(a, 'pause_' .. group) > clock.now() then return 'PAUSE' end
  if a.call ~= '' then return 'CALL_CONNECTED' end
  if group == 'VOICE' and a.ringing ~= '' then return 'CALL_RINGING' end
  if group == 'MESSAGING' and agents.load(a) >= settings.standard_messaging_capacity then return 'CAPACITY' end
  return nil
end

-- Whether the contact is what the customer wrote whom the agent is talking to: another agent gets it (R195).
function can.is_from_caller(a, c)
  return a.call ~= '' and c.conversation ~= '' and contacts.get(a.call).conversation == c.conversation
end
