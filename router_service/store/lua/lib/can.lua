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

-- The first rule that holds back all work of a channel group, asked for or not, or nil: the agent is deactivated
-- (R188), or as presence says.
function can.full_hold(a, group)
  if a.deactivate_time ~= '' then return 'DEACTIVATED' end
  return can.presence_hold(a, group)
end

-- Whether work of this group may reach the agent: effective availability, unless the agent is deactivated.
function can.is_available(a, group)
  return can.full_hold(a, group) == nil
end

-- The first rule that holds back new automatic work of a channel group, or nil: the agent is routable (R52).
function can.hold(a, group)
  local hold = can.full_hold(a, group)
  if hold then return hold end
  local stop = a['stop_' .. group]
  if stop ~= '' and (stop == 'ASKED' or tonumber(stop) > clock.now()) then return 'DECLINE_STOP' end
  if record.number(a, 'pause_' .. group) > clock.now() then return 'PAUSE' end
  if group == 'VOICE' then return can.call_hold(a) end
  if a.call ~= '' and settings.is_on('call_holds_back_other_work') then return 'CALL_CONNECTED' end
  if group == 'MESSAGING' and agents.load(a) >= agents.standard_capacity(a) then return 'CAPACITY' end
  return nil
end

-- When a hold ends by itself, in ms, or nil.
function can.hold_end(a, group, hold)
  if hold == 'PAUSE' then return tonumber(a['pause_' .. group]) end
  if hold == 'DECLINE_STOP' then return tonumber(a['stop_' .. group]) end
  if hold == 'AFTER_CALL_WORK' then return tonumber(a.after_call_end) end
  return nil
end

-- What holds back the next call of an agent who is available for calls, or nil (R72, R79).
function can.call_hold(a)
  if a.call ~= '' then return 'CALL_CONNECTED' end
  if a.ringing ~= '' or a.dialling ~= '' then return 'CALL_RINGING' end
  if record.number(a, 'after_call_end') > clock.now() then return 'AFTER_CALL_WORK' end
  return nil
end

-- Whether the agent has no call: none connected, none that rings at them, and none of theirs that rings at a customer.
function can.is_off_phone(a)
  return a.call == '' and a.ringing == '' and a.dialling == ''
end

-- Whether the contact is what the customer wrote whom the agent is talking to: another agent gets it (R195). In a
-- consult about the customer the agent talks to a colleague.
function can.is_from_caller(a, c)
  if a.call == '' or c.conversation == '' then return false end
  local call = contacts.get(a.call)
  return call.conversation == c.conversation and call.transfer_of == ''
end
