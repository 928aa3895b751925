-- Why work is given to nobody, or not to one agent: the first rule that keeps it, found by the predicates that routing
-- itself goes by. Nothing here decides anything, and nothing here writes.

-- The most members of an inbox that one step looks at, and the most that it shows.
explain.most_members = 1000
explain.most_shown = 100

-- Of how many at the head of a line it is seen who came first.
local MOST_HEADS = 100

-- In this order rules exclude an agent; whom a later one excludes is nearer to getting the contact. Who lacks a skill
-- does not serve the queue at all, so that comes first.
local NEARNESS = {
  SKILLS = 1, DEACTIVATED = 2, LOGGED_OUT = 3, AWAY = 4, FOCUS = 5, TOGGLE_OFF = 6, SETTINGS = 7, DECLINE_STOP = 8,
  PAUSE = 9, AT_MAXIMUM = 10, CALL_CONNECTED = 11, CALL_RINGING = 12, CAPACITY = 13, AFTER_CALL_WORK = 14, CALLER = 15,
  TURNED_DOWN = 16,
}

-- Of these presence tells, so it is known since when they hold.
local OF_PRESENCE = { LOGGED_OUT = true, AWAY = true, FOCUS = true, SETTINGS = true }

-- The requirements of a contact that the agent does not meet, as lib/skills.lua writes them.
local function lacking(a, c)
  local missing = {}
  for skill, level in pairs(skills.read(c.skills)) do
    local one = skill .. '=' .. level
    if not skills.meets(a.skills, one) then missing[#missing + 1] = one end
  end
  table.sort(missing)
  return table.concat(missing, ',')
end

-- What there is to say of an obstacle: the word, since when and until when, and what the sentence names.
local function describe(a, group, obstacle, c)
  local said = { obstacle = obstacle, group = group, agent_id = a.id, end_time = can.hold_end(a, group, obstacle) }
  if OF_PRESENCE[obstacle] then
    said.since_time = tonumber(a.held_time)
  elseif obstacle == 'DEACTIVATED' then
    said.since_time = tonumber(a.deactivate_time)
  elseif obstacle == 'DECLINE_STOP' then
    said.since_time = tonumber(a.decline_stop)
  elseif obstacle == 'CALL_CONNECTED' then
    local call = contacts.get(a.call)
    -- An outbound call is the agent's before it is connected, one that was transferred after.
    said.since_time = math.max(record.number(call, 'connect_time'), record.number(call, 'assign_time'))
  elseif obstacle == 'CALL_RINGING' and a.dialling ~= '' then
    local dialled = contacts.get(a.dialling)
    said.since_time, said.end_time = tonumber(dialled.assign_time), tonumber(dialled.ring_end)
  elseif obstacle == 'CALL_RINGING' then
    local o = offers.get(a.ringing)
    said.since_time, said.end_time = tonumber(o.offer_time), tonumber(o.expire_time)
  elseif obstacle == 'CAPACITY' then
    said.load, said.capacity = agents.load(a), agents.standard_capacity(a)
  elseif obstacle == 'AT_MAXIMUM' then
    said.load, said.capacity = agents.load(a), agents.maximum_capacity(a)
  elseif obstacle == 'SKILLS' then
    said.skills = lacking(a, c)
  end
  return said
end

-- The first rule that keeps a contact from a member of its inbox, or nil. Mail and tasks come by asking: of those it is
-- what keeps a request from bringing them.
local function excluded(a, c)
  if not skills.meets(a.skills, c.skills) then return 'SKILLS' end
  if c.group == 'MAIL_TASKS' then
    local hold = can.full_hold(a, c.group) or (next_up.is_blocked(a) and 'AT_MAXIMUM')
    if hold then return hold end
  else
    local hold = can.hold(a, c.group)
    if hold then return hold end
  end
  return c.group ~= 'VOICE' and can.is_from_caller(a, c) and 'CALLER' or nil
end

-- Some members of an inbox, all if they are not too many: first those who are ready in a queue. And how many there are.
function explain.members(inbox, q)
  local key = keys.inbox_members(inbox)
  local count = redis.call('SCARD', key)
  if count <= explain.most_members then return redis.call('SMEMBERS', key), count end
  local ids = q and redis.call('ZRANGE', keys.ready(q), 0, explain.most_members - 1) or {}
  local seen = {}
  for _, id in ipairs(ids) do seen[id] = true end
  for _, id in ipairs(redis.call('SRANDMEMBER', key, explain.most_members)) do
    if #ids < explain.most_members and not seen[id] then ids[#ids + 1] = id end
  end
  return ids, count
end

-- The lower comes first: whom nothing excludes, in rank; then whoever is nearest; then by id.
local function is_nearer(one, other)
  if one.distance ~= other.distance then return one.distance < other.distance end
  if one.rank ~= other.rank then return one.rank < other.rank end
  return one.agent.id < other.agent.id
end

-- Looks at members as candidates for a contact, in order of nearness; and how many there are in all.
local function candidates(c)
  local ids, count = explain.members(c.inbox, queue.of(c))
  local list, someone_fresh = {}, false
  for i, id in ipairs(ids) do
    local a = agents.get(id)
    local one = { agent = a, obstacle = excluded(a, c), rank = 0 }
    list[i] = one
    if not one.obstacle then
      one.turned_down = contacts.turned_down_by(c, id)
      someone_fresh = someone_fresh or not one.turned_down
    end
  end
  for _, one in ipairs(list) do
    if c.group ~= 'MAIL_TASKS' then
      -- One who turned it down gets it again only where nobody else can (R141).
      if one.turned_down and someone_fresh then one.obstacle = 'TURNED_DOWN' end
      if not one.obstacle then one.rank = one.agent.id == c.preferred and -1 or agents.rank(one.agent, c.group) end
    end
    one.distance = one.obstacle and 100 - NEARNESS[one.obstacle] or 0
  end
  table.sort(list, is_nearer)
  return list, count
end

-- Whether a queue is being worked through in slices.
local function is_unsettled(q, group)
  return redis.call('ZSCORE', keys.unsettled(), 'queue:' .. group .. ':' .. q) ~= false
end

-- What keeps a waiting contact from being given to anybody by itself, or nil.
local function held_back(c, member_count)
  if c.parked ~= '' then
    for _, sibling in ipairs(conversations.open_contacts(conversations.get(c.conversation))) do
      if sibling.state == 'OFFERED' and contacts.is_written(sibling) then
        return { obstacle = 'PARKED', contact_id = sibling.id, agent_id = sibling.agent }
      end
    end
    return { obstacle = 'PARKED' }
  end
  if member_count == 0 then return { obstacle = 'NO_MEMBERS' } end
  if not view.is_fresh() then return { obstacle = 'PRESENCE_UNKNOWN' } end
  if is_unsettled(queue.of(c), c.group) then return { obstacle = 'UNSETTLED' } end
  if c.group == 'MAIL_TASKS' then return { obstacle = 'ASKING_ONLY' } end
  return nil
end

-- Why a contact waits.
local function waiting(c)
  local list, member_count = candidates(c)
  local shown, by_obstacle, counts = {}, {}, {}
  for i, one in ipairs(list) do
    local word = one.obstacle or 'UNSPECIFIED'
    if not by_obstacle[word] then
      by_obstacle[word] = { obstacle = word, count = 0 }
      counts[#counts + 1] = by_obstacle[word]
    end
    by_obstacle[word].count = by_obstacle[word].count + 1
    if i <= explain.most_shown then
      local why = one.obstacle and describe(one.agent, c.group, one.obstacle, c) or nil
      shown[i] = { agent_id = one.agent.id, excluded = why }
    end
  end
  return {
    contact = show.contact(c), held_back = held_back(c, member_count), member_count = member_count,
    ahead = redis.call('ZRANK', keys.waiting(queue.of(c)), queue.place(c)) or nil,
    candidates = shown, counts = counts, more_members = member_count > #list,
  }
end

local function rank_of(group, agent_id, rank)
  local load, time = agents.rank_parts(group, tonumber(rank))
  return { agent_id = agent_id, load = load, time = time > 0 and time or nil }
end

-- What a decision kept of why, as answers show it; nil if nobody was chosen.
local function choice(c, agent_id, why)
  if why == '' then return nil end
  local rank, runner_up, other_rank = string.match(why, '^(%S+) ?(%S*) ?(%S*)$')
  local is_dedicated = dedicated.is_first(c, agent_id)
  return {
    winner = rank_of(c.group, agent_id, rank), same_agent = c.preferred == agent_id and not is_dedicated,
    dedicated = is_dedicated,
    runner_up = runner_up ~= '' and rank_of(c.group, runner_up, other_rank) or nil,
  }
end

-- Why a contact is where it is.
function explain.contact(c)
  if c.state == 'WAITING' then return waiting(c) end
  local said = { contact = show.contact(c) }
  if c.state == 'AUTOMATED' then
    said.held_back = { obstacle = 'AUTOMATED' }
  elseif c.state == 'OFFERED' then
    local o = offers.get(c.offer)
    said.offer = {
      offer_id = o.id, agent_id = o.agent, offer_time = tonumber(o.offer_time), expire_time = tonumber(o.expire_time),
      choice = choice(c, o.agent, o.why),
    }
  elseif c.agent ~= '' then
    said.assignment = {
      agent_id = c.agent, assign_time = tonumber(c.assign_time), cause = c.cause,
      choice = choice(c, c.agent, c.why),
    }
  end
  return said
end

-- What keeps the first in line of a group from coming to the agent by itself, or nil.
local function group_held_back(a, group, first)
  local hold = can.hold(a, group)
  if hold then return describe(a, group, hold) end
  if not view.is_fresh() then return { obstacle = 'PRESENCE_UNKNOWN' } end
  if not first then return nil end
  if group == 'MAIL_TASKS' then return { obstacle = 'ASKING_ONLY' } end
  return is_unsettled(queue.of(first), group) and { obstacle = 'UNSETTLED' } or nil
end

-- What a request from a place would bring, as request_next would say it.
local function request(a, source)
  local hold = can.full_hold(a)
  if next_up.refusals[hold] then return { nothing = describe(a, nil, hold) } end
  local no_channel = { nothing = { obstacle = 'NO_CHANNEL_ON', agent_id = a.id } }
  if source == 'AVAILABILITY' and a.toggles == '' then return no_channel end
  local own = source == 'TOPICS' and next_up.own(a, '') or nil
  if own then return { own = show.conversation(own) } end
  if not view.is_fresh() then return { nothing = { obstacle = 'PRESENCE_UNKNOWN' } } end
  local peeked = next_up.peek(a, '')
  if peeked.would then return { contact = peeked.would } end
  return { nothing = describe(a, nil, peeked.nothing) }
end

-- Why an agent gets work or none.
function explain.agent(a)
  local groups = {}
  for i, group in ipairs(settings.groups) do
    local first = next_up.find(a, group)
    groups[i] = {
      group = group, first_in_line = first and show.contact(first) or nil,
      held_back = group_held_back(a, group, first), item_owed = group == 'MAIL_TASKS' and a.owed ~= '' or nil,
    }
  end
  return {
    agent_id = a.id, groups = groups, by_availability = request(a, 'AVAILABILITY'), by_topics = request(a, 'TOPICS'),
  }
end

-- Under what a member counts whom something holds back.
local COUNTED_AS = {
  CALL_CONNECTED = 'busy', CALL_RINGING = 'busy', AFTER_CALL_WORK = 'busy', CAPACITY = 'busy',
  FOCUS = 'focus', AWAY = 'away', DECLINE_STOP = 'paused', PAUSE = 'paused',
}

-- Counts who waits in an inbox for a group, over all its sets of skills. Returns when the next of them is due, huge for
-- never.
local function count_waiting(inbox, group, counted)
  local required = redis.call('SMEMBERS', keys.skill_sets(inbox, group))
  required[#required + 1] = ''
  local oldest, next_due, now = math.huge, math.huge, string.format('%.0f', clock.now())
  for _, set in ipairs(required) do
    local key = keys.waiting(queue.name(inbox, group, set))
    local waits = redis.call('ZCARD', key)
    if waits > 0 then
      counted.waiting = counted.waiting + waits
      counted.overdue = counted.overdue + redis.call('ZCOUNT', key, '-inf', '(' .. now)
      local due = redis.call('ZRANGE', key, now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
      next_due = math.min(next_due, tonumber(due) or math.huge)
      for _, place in ipairs(redis.call('ZRANGE', key, 0, MOST_HEADS - 1)) do
        oldest = math.min(oldest, queue.time_at(place))
      end
    end
  end
  if oldest < math.huge then counted.oldest = oldest end
  return next_due
end

-- Who waits in an inbox and who serves it, by channel group; nil if nobody knows the inbox.
function explain.inbox(id)
  local inbox = inboxes.show(id)
  if not inbox then return nil end
  local ids = explain.members(id)
  local groups, next_due = {}, math.huge
  for i, group in ipairs(settings.groups) do
    groups[i] = {
      group = group, waiting = 0, overdue = 0, available = 0, ready = 0, busy = 0, focus = 0, away = 0, paused = 0,
    }
    next_due = math.min(next_due, count_waiting(id, group, groups[i]))
  end
  for _, agent_id in ipairs(ids) do
    local a = agents.get(agent_id)
    for i, group in ipairs(settings.groups) do
      local counted, hold = groups[i], can.hold(a, group)
      local as = hold and COUNTED_AS[hold] or (not hold and 'ready')
      if as then counted[as] = counted[as] + 1 end
      if can.is_available(a, group) then counted.available = counted.available + 1 end
    end
  end
  return {
    inbox_id = id, display_name = inbox.display_name, member_count = inbox.member_count,
    more_members = inbox.member_count > #ids, groups = groups, next_due = next_due < math.huge and next_due or nil,
  }
end
