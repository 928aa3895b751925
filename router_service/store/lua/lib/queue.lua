-- The waiting: a sorted set per inbox, channel group and set of required skills, ordered by due time, then queue time,
-- then id (R148, R157). So a contact that nobody can serve is in nobody's way. A queue is named by its keys' end:
-- 'inbox/GROUP', and for skills 'inbox/GROUP/billing=1,german=2'.

-- Where nobody waits for certain skills any more, what is kept about them goes after this time.
local SKILL_SET_KEPT = 3600 * 1000

function queue.name(inbox, group, required)
  return inbox .. '/' .. group .. (required ~= '' and '/' .. required or '')
end

-- The queue of a contact.
function queue.of(c)
  return queue.name(c.inbox, c.group, c.skills)
end

-- The queues of an inbox and group that an agent can serve.
function queue.served(a, inbox, group)
  local served = { queue.name(inbox, group, '') }
  for _, required in ipairs(redis.call('SMEMBERS', keys.skill_sets(inbox, group))) do
    if skills.meets(a.skills, required) then served[#served + 1] = queue.name(inbox, group, required) end
  end
  return served
end

-- Begins a queue for a set of skills: its ready agents are those of the inbox and group who have them.
local function begin(c)
  if redis.call('SADD', keys.skill_sets(c.inbox, c.group), c.skills) == 0 then return end
  local ready = redis.call('ZRANGE', keys.ready(queue.name(c.inbox, c.group, '')), 0, -1, 'WITHSCORES')
  for i = 1, #ready, 2 do
    if skills.meets(agents.get(ready[i]).skills, c.skills) then
      redis.call('ZADD', keys.ready(queue.of(c)), ready[i + 1], ready[i])
    end
  end
end

-- Forgets a queue for a set of skills that nobody has waited in for long.
function queue.forget(q)
  if redis.call('EXISTS', keys.waiting(q)) == 1 then return end
  local inbox, group, required = string.match(q, '^([^/]+)/([^/]+)/(.+)$')
  redis.call('SREM', keys.skill_sets(inbox, group), required)
  redis.call('DEL', keys.ready(q), keys.departures(q))
end

function queue.place(c)
  return string.format('%015.0f:%s', record.number(c, 'queue_time'), c.id)
end

-- When the contact at a place came, in ms.
function queue.time_at(place)
  return tonumber(string.sub(place, 1, 15))
end

function queue.contact(place)
  return contacts.get(string.sub(place, 17))
end

-- Whether entries that are over are dropped on the way; steps that only read leave them.
function queue.reset()
  queue.mends = true
end

-- Lessens what a contact requires by the steps whose time has come, counted from when it came, and sets the timer of
-- the next one.
local function lessen(c)
  local steps = cjson.decode(c.relaxations)
  while steps[1] and record.number(c, 'queue_time') + steps[1].after <= clock.now() do
    c.skills = table.remove(steps, 1).skills
  end
  c.relaxations = #steps > 0 and cjson.encode(steps) or ''
  if steps[1] then timers.set('relax:' .. c.id, record.number(c, 'queue_time') + steps[1].after) end
end

-- Puts a contact at its place, which never changes (R140), and makes its queue worth a look. What it requires may have
-- become less while an agent had it.
function queue.join(c)
  -- Who was with an agent meanwhile has not waited here since it came.
  if c.state ~= 'WAITING' then c.join_time = clock.now() end
  c.state = 'WAITING'
  c.agent = ''
  c.offer = ''
  if c.relaxations ~= '' then lessen(c) end
  if c.skills ~= '' then begin(c) end
  redis.call('ZADD', keys.waiting(queue.of(c)), c.due_time, queue.place(c))
  match.look(queue.of(c), c.group)
  board.note_inbox(c.inbox)
end

function queue.leave(c)
  local q = queue.of(c)
  redis.call('ZREM', keys.waiting(q), queue.place(c))
  board.note_inbox(c.inbox)
  if c.skills ~= '' and redis.call('EXISTS', keys.waiting(q)) == 0 then
    timers.set('skill_set:' .. q, clock.now() + SKILL_SET_KEPT)
  end
end

-- A contact that nobody has yet is due no later than this: if it waits, it moves forward.
function queue.hasten(c, due_time)
  if record.number(c, 'due_time') <= tonumber(due_time) then return end
  local waits = c.state == 'WAITING' and c.parked == ''
  if waits then queue.leave(c) end
  c.due_time = due_time
  events.contact('CONTACT_DUE_DATE_UPDATED', c)
  if waits then queue.join(c) end
end

-- What a waiting contact requires is less from now on: it goes to the queue of that, at the same place. One that does
-- not wait goes there when it waits again.
function queue.relax(c)
  if c.state ~= 'WAITING' or c.parked ~= '' then return end
  queue.leave(c)
  c.join_time = clock.now()
  queue.join(c)
end

-- The first waiting contact of a queue that satisfies the predicate, and its order for comparison between queues.
-- Entries whose record is gone or not waiting any more are dropped on the way: repair on touch.
function queue.first(q, suits)
  local key = keys.waiting(q)
  local from = 0
  while true do
    local page = redis.call('ZRANGE', key, from, from + 7, 'WITHSCORES')
    if #page == 0 then return nil end
    for i = 1, #page, 2 do
      local c = queue.contact(page[i])
      if c.state ~= 'WAITING' then
        if queue.mends then
          redis.call('ZREM', key, page[i])
          from = from - 1
        end
      elseif suits(c) then
        return c, { tonumber(page[i + 1]), page[i] }
      end
    end
    from = from + #page / 2
  end
end

-- Whether one order comes before another.
function queue.is_before(one, other)
  if one[1] ~= other[1] then return one[1] < other[1] end
  return one[2] < other[2]
end
