-- The place of a contact in line, and how long it may take: by the times between those who left the line for an agent.
-- Only while someone waits does such a time tell how fast the line moves; otherwise it tells how seldom customers come.

-- Of so many the times between them count, and they must be no older (ms).
local MOST_INTERVALS = 10
local OLDEST = 3600 * 1000
-- From fewer times nothing is said.
local FEWEST_INTERVALS = 3

-- Since when a contact has waited where it waits now.
local function waits_since(c)
  return tonumber(c.join_time) or record.number(c, 'queue_time')
end

-- Notes that a contact left its queue for an agent who has it now: when it left, and since when it had waited. The list
-- is cut now and then.
function place.note_departure(c, left)
  local key = keys.departures(queue.of(c))
  local kept = redis.call('LPUSH', key, string.format('%.0f %.0f', left, waits_since(c)))
  if kept > 4 * MOST_INTERVALS then redis.call('LTRIM', key, 0, 2 * MOST_INTERVALS - 1) end
end

-- The times between the last who left, newest first, and when the last one did. An accepted offer counts from when it
-- was made, so the list is nearly in order.
local function intervals(q)
  local departures = {}
  for i, one in ipairs(redis.call('LRANGE', keys.departures(q), 0, 2 * MOST_INTERVALS - 1)) do
    local left, since = string.match(one, '^(%d+) (%d+)$')
    departures[i] = { left = tonumber(left), since = tonumber(since) }
  end
  table.sort(departures, function(one, other) return one.left > other.left end)
  local found = {}
  for i = 1, math.min(#departures - 1, MOST_INTERVALS) do
    local one, before = departures[i], departures[i + 1]
    -- Who left had waited since before the last one did, so that someone waited all the time between.
    if one.since < before.left and clock.now() - one.left <= OLDEST then found[#found + 1] = one.left - before.left end
  end
  return found, departures[1] and departures[1].left
end

-- Whether a member of the inbox who has the skills is available for the contact's group; looks until one is.
local function is_served(c)
  for _, id in ipairs(explain.members(c.inbox, queue.of(c))) do
    local said = redis.call(
      'HMGET', keys.agent(id), 'logged_in', 'away', 'in_focus', 'in_settings', 'toggles', 'skills', 'deactivate_time')
    local a = {
      logged_in = said[1] or '', away = said[2] or '', in_focus = said[3] or '', in_settings = said[4] or '',
      toggles = said[5] or '', skills = said[6] or '', deactivate_time = said[7] or '',
    }
    if can.is_available(a, c.group) and skills.meets(a.skills, c.skills) then return true end
  end
  return false
end

-- How long it may take until so many have left, this contact the last of them; nil if there is no ground to say.
local function estimate(c, position)
  local times, last = intervals(queue.of(c))
  local count, sum = #times, 0
  if count < FEWEST_INTERVALS or not view.is_fresh() or not is_served(c) then return nil end
  for _, ms in ipairs(times) do sum = sum + ms end
  -- The time since the last one left is not over, but it is known already to be a long one.
  local open = clock.now() - math.max(last, waits_since(c))
  if open > sum / count then
    count, sum = count + 1, sum + open
    times[count] = open
  end
  local mean, squares = sum / count, 0
  for _, ms in ipairs(times) do squares = squares + (ms - mean) ^ 2 end
  -- So many further times add up to this, give or take their own scatter and that of the mean.
  local deviation = math.sqrt(squares / (count - 1) * (position + position ^ 2 / count))
  local function rounded(ms) return math.floor(math.max(ms, 0) + 0.5) end
  return {
    wait = rounded(position * mean), low = rounded(position * mean - deviation),
    high = rounded(position * mean + deviation), intervals = count,
  }
end

-- The place of a contact, nil if it is in no line.
function place.of(c)
  local rank = c.state == 'WAITING' and redis.call('ZRANK', keys.waiting(queue.of(c)), queue.place(c))
  if not rank then return nil end
  return {
    position = rank + 1, waiting = redis.call('ZCARD', keys.waiting(queue.of(c))), estimate = estimate(c, rank + 1),
  }
end
