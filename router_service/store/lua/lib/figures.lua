-- Figures of agents by day (UTC) and channel group: their offers and what became of them (R211), and for how long a
-- decline held back what could have come otherwise (R137). Written by the steps that change the state, so that reading
-- them looks at little else. Fields are '<group>/<what>': an outcome of offers, or one of these words.
figures.MADE, figures.GIVEN_BACK, figures.STOPPED = 'made', 'given_back', 'stopped'

local DAY = 24 * 3600 * 1000
-- How old the first day of a report may be, in days.
figures.OLDEST = 32
local KEPT = (figures.OLDEST + 1) * DAY

-- The number of the day that a time is on.
function figures.day_of(ms)
  return math.floor(ms / DAY)
end

local function add(a, group, what, day, count)
  local key = keys.agent_figures(a.id, string.format('%.0f', day))
  -- What is new begins to be kept; mostly it is one command.
  if redis.call('HINCRBY', key, group .. '/' .. what, count) == count then
    redis.call('PEXPIRE', key, KEPT)
    redis.call('ZADD', keys.figured(), 0, a.id)
  end
end

-- Counts an offer that was made, or how it ended: both on the day it was made, so that they add up day by day.
function figures.count_offer(a, o, what)
  add(a, o.group, what, figures.day_of(record.number(o, 'offer_time')), 1)
end

-- Counts a mail or task item that was given back, which is a decline that no offer went before (R125).
function figures.count_given_back(a)
  add(a, 'MAIL_TASKS', figures.GIVEN_BACK, figures.day_of(clock.now()), 1)
end

-- Calls with each day of a time, and how much of it is on that day, in ms.
local function each_day(since, till, call)
  while since < till do
    local day = figures.day_of(since)
    local stop = math.min(till, (day + 1) * DAY)
    call(day, stop - since)
    since = stop
  end
end

-- When a decline's stop of a group is over at the latest: what ends it is late by some ms.
local function stop_end(a, group)
  return math.min(clock.now(), tonumber(a['stop_' .. group]) or clock.now())
end

-- The time of a group's stop is over: counts it.
function figures.end_stop(a, group)
  local since = tonumber(a['stopped_' .. group])
  if not since then return end
  each_day(since, stop_end(a, group), function(day, ms) add(a, group, figures.STOPPED, day, ms) end)
  a['stopped_' .. group] = ''
end

-- Begins to count the time in which a decline holds back a group that nothing of presence does, or ceases to (R137).
function figures.watch_stops(a)
  for _, group in ipairs(settings.groups) do
    if a['stop_' .. group] ~= '' and can.hold(a, group) == 'DECLINE_STOP' then
      if a['stopped_' .. group] == '' then a['stopped_' .. group] = clock.now() end
    else
      figures.end_stop(a, group)
    end
  end
end

-- The figures of an agent on some days, in order of days and groups, as they are by now: with the offers that are open
-- and the stops that go on.
function figures.of(a, first, last)
  local by_place, list = {}, {}
  local function count(day, group, what, much)
    if day < first or day > last then return end
    local place = string.format('%.0f', day) .. group
    if not by_place[place] then
      by_place[place] = { day = day, group = group }
      list[#list + 1] = by_place[place]
    end
    by_place[place][what] = (by_place[place][what] or 0) + much
  end
  for day = first, last do
    local flat = redis.call('HGETALL', keys.agent_figures(a.id, string.format('%.0f', day)))
    for i = 1, #flat, 2 do
      local group, what = string.match(flat[i], '^(.+)/(.+)$')
      count(day, group, what, tonumber(flat[i + 1]))
    end
  end
  for _, id in ipairs(redis.call('SMEMBERS', keys.agent_offers(a.id))) do
    local o = offers.get(id)
    count(figures.day_of(record.number(o, 'offer_time')), o.group, 'outstanding', 1)
  end
  for _, group in ipairs(settings.groups) do
    local since = tonumber(a['stopped_' .. group])
    if since then
      each_day(since, stop_end(a, group), function(day, ms) count(day, group, figures.STOPPED, ms) end)
    end
  end
  return list
end
