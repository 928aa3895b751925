-- The one place where waiting contacts and ready agents meet. A step says which queues are worth a look; at its end
-- `match.run` pairs what can be paired, in strict order: channel tier (R146, R147), then due date, queue time and id
-- (R148, R157); for each contact the best ready agent (R156). After every step no queue has a waiting contact and a
-- ready agent who could take it, unless it is listed as unsettled with a due-now timer.

function match.reset()
  match.queues = {}
  match.made = 0
  match.settling = false
  match.unsettled_left = false
end

-- Makes a queue worth a look.
function match.look(q, group)
  if group == 'MAIL_TASKS' then return end
  match.queues[group] = match.queues[group] or {}
  match.queues[group][q] = true
end

-- The best ready agent of a queue for a contact: who has the customer already, if they can take it (R120, R198); else
-- the first in rank who has not turned it down; if all the ready have, the first in rank (R141). As many heads are
-- looked at as agents can't be chosen, plus who would have been next, the runner-up. Returns the agent or nil, why as
-- offers keep it, and the runner-up's id.
function match.agent_for(c, turned_down_too)
  local key = keys.ready(queue.of(c))
  local ready = redis.call('ZRANGE', key, 0, contacts.turned_down_count(c) + 2, 'WITHSCORES')
  local preferred = c.preferred ~= '' and redis.call('ZSCORE', key, c.preferred)
  if preferred then
    table.insert(ready, 1, preferred)
    table.insert(ready, 1, c.preferred)
  end
  -- Who is on the phone with this very customer is ready only where a call holds back nothing else (R195).
  local may_be_caller = c.group ~= 'VOICE' and not settings.is_on('call_holds_back_other_work')
  local fresh, again = {}, {}
  for i = 1, #ready, 2 do
    local id = ready[i]
    local is_repeat = i > 2 and id == c.preferred
    if not is_repeat and not (may_be_caller and can.is_from_caller(agents.get(id), c)) then
      local list = contacts.turned_down_by(c, id) and again or fresh
      list[#list + 1] = i
    end
  end
  local list = fresh[1] and fresh or (turned_down_too and again or fresh)
  local first, second = list[1], list[2]
  if not first then return nil end
  local why = ready[first + 1]
  if second then why = why .. ' ' .. ready[second] .. ' ' .. ready[second + 1] end
  return agents.get(ready[first]), why, second and ready[second]
end

-- The first pair of a queue, or nil.
function match.pair(q, turned_down_too)
  if redis.call('EXISTS', keys.ready(q)) == 0 then return nil end
  local chosen, why, runner_up
  local c, order = queue.first(q, function(candidate)
    chosen, why, runner_up = match.agent_for(candidate, turned_down_too)
    return chosen ~= nil
  end)
  return c and { contact = c, agent = chosen, order = order, why = why, runner_up = runner_up }
end

-- Offers a contact to an agent, or makes it theirs at once, as it is set for messages (R115); notes why. Who left Focus
-- and gets a call or a message is owed no mail besides (R60).
function match.give(c, a, why)
  if a.owed == 'FOCUS_LEFT' then a.owed = '' end
  if c.group == 'VOICE' or settings.get('inbound_message_assignment') == 'OFFER' then return offers.make(c, a, why) end
  queue.leave(c)
  contacts.assign(c, a, dedicated.is_first(c, a.id) and 'DEDICATED' or 'ROUTED', why)
  agents.pause(a, 'MESSAGING', settings.number('next_message_delay'))
  agents.refresh(a)
end

-- Whether a pair is no more what it was before an agent was given something: the agent or the runner-up is the same,
-- or the contact waits no longer, for it is of the same conversation as what was given (R191).
local function is_outdated(pair, given_to)
  local c = pair.contact
  return pair.agent == given_to or pair.runner_up == given_to.id or c.state ~= 'WAITING' or c.parked ~= ''
end

-- Pairs the queues of one tier until none has a pair. First those who have not turned each other down, over all
-- queues, so that an agent is offered an item again only when nothing else is there for them.
function match.tier(queues, turned_down_too)
  local pairs_of = {}
  for q in pairs(queues) do pairs_of[q] = match.pair(q, turned_down_too) end
  while match.made < settings.most_matches do
    local best
    for _, pair in pairs(pairs_of) do
      if not best or queue.is_before(pair.order, best.order) then best = pair end
    end
    if not best then return end
    match.give(best.contact, best.agent, best.why)
    match.made = match.made + 1
    for q, pair in pairs(pairs_of) do
      if is_outdated(pair, best.agent) then pairs_of[q] = match.pair(q, turned_down_too) end
    end
  end
end

-- Pairs what the step made possible in one tier. What can't be paired now is left to a timer: the lease is out, or
-- the step has done enough.
function match.run_tier(group)
  local queues = match.queues[group]
  if not queues then return end
  match.queues[group] = nil
  if not view.is_fresh() then return match.defer(group, queues) end
  match.skip_unsettled(group, queues)
  match.tier(queues, false)
  match.tier(queues, true)
  if match.made >= settings.most_matches then match.defer(group, queues) end
end

function match.run()
  for _, group in ipairs(settings.pushed_groups) do match.run_tier(group) end
end

-- Leaves queues to the settling timer. While the lease is out the timer waits for its return.
function match.defer(group, queues)
  for q in pairs(queues) do
    redis.call('ZADD', keys.unsettled(), group == 'VOICE' and 1 or 2, 'queue:' .. group .. ':' .. q)
  end
  match.wake()
end

-- Whether calls or messages are still to be paired, or places among the ready to be looked at.
function match.is_unsettled()
  return redis.call('ZCOUNT', keys.unsettled(), 0, 2) > 0
end

-- Sets the settling timer; the service fires it at once. The lease's return sets it too.
function match.wake()
  if view.is_fresh() then
    timers.set('settle', clock.now())
    match.unsettled_left = true
  end
end

-- A queue that is being settled in slices is left to its timer, so that the order holds.
function match.skip_unsettled(group, queues)
  if match.settling or redis.call('EXISTS', keys.unsettled()) == 0 then return end
  for q in pairs(queues) do
    if redis.call('ZSCORE', keys.unsettled(), 'queue:' .. group .. ':' .. q) then queues[q] = nil end
  end
end

-- Makes every agent's place and every queue worth a look, in slices: the settings are others.
function match.look_at_all()
  redis.call('ZADD', keys.unsettled(), 0, 'agents:0')
  match.wake()
end

-- Brings the places of a slice of the agents up to date, newest state first, after so many that were before. Whose
-- state changes meanwhile comes to the front, and is up to date by then. By place and not by revision: after a snapshot
-- of presence all have the same.
local function look_at_some(done)
  local most = settings.most_agents
  local found = redis.call('ZRANGE', keys.viewed(), done, done + most - 1, 'REV')
  for _, id in ipairs(found) do agents.touch(agents.get(id)) end
  if #found == most then redis.call('ZADD', keys.unsettled(), 0, 'agents:' .. done + most) end
end

-- Takes out what is to be settled next: queues of one tier together, so that who serves several of them is given what
-- is due first of all; everything else one at a time.
local function next_unsettled()
  local first = redis.call('ZRANGE', keys.unsettled(), 0, 0, 'WITHSCORES')
  local entries = { first[1] }
  if first[1] and string.find(first[1], '^queue:') then
    entries = redis.call(
      'ZRANGE', keys.unsettled(), first[2], first[2], 'BYSCORE', 'LIMIT', 0, settings.most_queues)
  end
  if entries[1] then redis.call('ZREM', keys.unsettled(), unpack(entries)) end
  return entries
end

-- Makes a slice of what is unsettled worth a look, and again by timer until nothing is left. It is paired at the step's
-- end, when the places of all whom the step touched are up to date.
function match.settle()
  if not view.is_fresh() then return end
  match.settling = true
  for _, entry in ipairs(next_unsettled()) do
    local group, q = string.match(entry, '^queue:([^:]+):(.+)$')
    local done = string.match(entry, '^agents:(.+)$')
    if group then
      match.look(q, group)
    elseif done then
      look_at_some(tonumber(done))
    else
      agents.touch(agents.get(string.match(entry, '^agent:(.+)$')))
    end
  end
  if redis.call('EXISTS', keys.unsettled()) == 1 then match.wake() end
end
