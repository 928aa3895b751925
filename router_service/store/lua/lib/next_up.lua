-- Requested work: what Next and Close & Next bring, and the one mail item that a switch-on brings.

-- Why an agent can't ask, by what holds all work back.
next_up.refusals = {
  DEACTIVATED = 'AGENT_DEACTIVATED', LOGGED_OUT = 'AGENT_LOGGED_OUT', AWAY = 'AGENT_AWAY', FOCUS = 'AGENT_IN_FOCUS',
  SETTINGS = 'AGENT_IN_SETTINGS',
}

-- The waiting contact of a group that is first in line for this agent, over all the agent's inboxes. What the agent
-- turned down comes only when nothing else waits (R141), what the agent's caller writes not at all (R195).
function next_up.find(a, group)
  for _, turned_down_too in ipairs({ false, true }) do
    local best, best_order
    for _, inbox in ipairs(agents.inboxes(a)) do
      for _, q in ipairs(queue.served(a, inbox, group)) do
        local c, order = queue.first(q, function(candidate)
          return not can.is_from_caller(a, candidate)
            and (turned_down_too or not contacts.turned_down_by(candidate, a.id))
        end)
        if c and (not best or queue.is_before(order, best_order)) then best, best_order = c, order end
      end
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

-- Whether a request would bring a message, were there room for one more (R90). Who has Messaging off asks for none.
local function no_room(a)
  return can.is_on(a, 'MESSAGING') and not agents.has_room(a)
end

-- The contact that a request would bring of the groups that need no ringing, or nil. `only` is a group, '' for all.
local function written(a, only)
  for _, group in ipairs({ 'MESSAGING', 'MAIL_TASKS' }) do
    if (only == '' or only == group) and can.is_on(a, group) and (group ~= 'MESSAGING' or agents.has_room(a)) then
      local c = next_up.find(a, group)
      if c then return c end
    end
  end
  return nil
end

local function nothing(a, only)
  if a.toggles == '' or (only ~= '' and not can.is_on(a, only)) then return 'NO_CHANNEL_ON' end
  return only ~= 'VOICE' and only ~= 'MAIL_TASKS' and no_room(a) and 'AT_MAXIMUM' or 'NOBODY_WAITING'
end

-- Whether the agent is brought nothing but calls: at the maximum, where that is set to block all requests (R90).
function next_up.is_blocked(a)
  return no_room(a) and settings.is_on('max_messaging_blocks_all_requests')
end

-- Brings one item to an agent who asked: a waiting call rings first, then a message, then mail or a task (R112, R146),
-- of one group only where it is named; a call that rings beside that does so by its own rules (R111). The agent may be
-- given work and the lease holds. Returns what was brought.
function next_up.bring(a, only)
  agents.start_afresh(a)
  local ringing_before = a.ringing
  agents.refresh(a)
  match.run_tier('VOICE')
  if (only == '' or only == 'VOICE') and a.ringing ~= '' and a.ringing ~= ringing_before then
    return { ringing = show.offer(offers.get(a.ringing)) }
  end
  local c = not next_up.is_blocked(a) and written(a, only) or nil
  if not c then return { nothing = nothing(a, only) } end
  queue.leave(c)
  contacts.assign(c, a, 'REQUESTED')
  return { assigned = show.contact(c) }
end

-- What a request would bring, without taking it.
function next_up.peek(a, only)
  local c
  if (only == '' or only == 'VOICE') and can.is_on(a, 'VOICE') and can.is_off_phone(a) then
    c = next_up.find(a, 'VOICE')
  end
  c = c or (not next_up.is_blocked(a) and written(a, only)) or nil
  return c and { would = show.contact(c) } or { nothing = nothing(a, only) }
end

-- The customer of the agent who has been unhelped longest, but for the one the agent is looking at (R98), and where it
-- is set so, only one with something the agent has not seen (R101).
function next_up.own(a, current)
  local unseen_only = settings.is_on('topics_next_unseen_only')
  local from = 0
  while true do
    local page = redis.call('ZRANGE', keys.agent_unhelped(a.id), from, from + 15)
    if #page == 0 then return nil end
    for _, id in ipairs(page) do
      local v = conversations.get(id)
      if id ~= current and (not unseen_only or v.unseen == '1') then return v end
    end
    from = from + #page
  end
end

-- Brings the one mail or task item that is owed since Mail + Tasks was switched on (R122), or since Focus was left if
-- neither a call nor a message came (R60). Owed until the agent can receive it, and until it is known whether a call or
-- a message comes; if nothing waits then, nothing is owed.
function next_up.pay(a)
  if a.owed == '' or can.hold(a, 'MAIL_TASKS') ~= nil then return end
  if not view.is_fresh() or (a.owed == 'FOCUS_LEFT' and match.is_unsettled()) then
    redis.call('ZADD', keys.unsettled(), 3, 'agent:' .. a.id)
    return match.wake()
  end
  a.owed = ''
  next_up.take(a, 'MAIL_TASKS', 'SWITCHED_ON')
end
