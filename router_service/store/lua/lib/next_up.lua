-- Requested work: what Next and Close & Next bring, and the one mail item that a switch-on brings.

-- Why an agent can't ask, by what holds all work back.
next_up.refusals = {
  LOGGED_OUT = 'AGENT_LOGGED_OUT', AWAY = 'AGENT_AWAY', FOCUS = 'AGENT_IN_FOCUS', SETTINGS = 'AGENT_IN_SETTINGS',
}

-- The waiting contact of a group that is first in line for this agent, over all the agent's inboxes. What the agent
-- turned down comes only when nothing else waits (R141), what the agent's caller writes not at all (R195).
function next_up.find(a, group)
  for _, turned_down_too in ipairs({ false, true }) do
    local best, best_order
    for _, inbox in ipairs(agents.inboxes(a)) do
      local c, order = queue.first(inbox, group, function(candidate)
        return not can.is_from_caller(a, candidate)
          and (turned_down_too or not contacts.turned_down_by(candidate, a.id))
      end)
      if c and (not best or queue.is_before(order, best_order)) then best, best_order = c, order end
    end
    if best then return best end
  end
  return nil
end

-- Gives the agent the first in line of a group, at once and without an offer (R112, R125). Returns the contact or nil.
function next_up.take(a, group, cause)
  local c = next_up.find(a, group)
  if not c then return nil end
  queue.leave(c)
  contacts.assign(c, a, cause)
  return c
end

-- Brings one item to an agent who asked: a waiting call rings first, then a message, then mail or a task (R112, R146).
-- The agent may be given work and the lease holds. Returns what was brought.
function next_up.bring(a)
  agents.lift(a)
  if a.toggles == '' then return { nothing = 'NO_CHANNEL_ON' } end
  local ringing_before = a.ringing
  agents.refresh(a)
  match.run_tier('VOICE')
  if a.ringing ~= '' and a.ringing ~= ringing_before then
    return { ringing = show.offer(offers.get(a.ringing)) }
  end
  for _, group in ipairs({ 'MESSAGING', 'MAIL_TASKS' }) do
    if can.is_on(a, group) then
      local c = next_up.take(a, group, 'REQUESTED')
      if c then return { assigned = show.contact(c) } end
    end
  end
  return { nothing = 'NOBODY_WAITING' }
end

-- The customer of the agent who has been unhelped longest, but for the one the agent is looking at (R98, R101).
function next_up.own(a, current)
  for _, id in ipairs(redis.call('ZRANGE', keys.agent_unhelped(a.id), 0, 1)) do
    if id ~= current then return conversations.get(id) end
  end
  return nil
end

-- Brings the one mail or task item that is owed since Mail + Tasks was switched on (R122), or since Focus was left if
-- neither a call nor a message came (R60). Owed until the agent can receive it; if nothing waits then, nothing is owed.
function next_up.pay(a)
  if a.owed == '' or can.hold(a, 'MAIL_TASKS') ~= nil then return end
  if not view.is_fresh() then
    redis.call('ZADD', keys.unsettled(), 3, 'agent:' .. a.id)
    return
  end
  local owed = a.owed
  a.owed = ''
  if owed == 'FOCUS_LEFT' and notes.has_offer(a) then return end
  next_up.take(a, 'MAIL_TASKS', 'SWITCHED_ON')
end
