-- Takes due timers and notes each with the time it was fired at.
--
-- 'stuck' is left where it is, and 'hourly' sets itself again.
--
-- KEYS  prefix
-- ARGV  clock
--       the most timers to take
-- Returns {'OK', taken, name@ms, …}
local most, now = tonumber(ARGV[2]), clock.now()
local notes = {}
while #notes < most do
  local name, due = timers.due(now)
  if not name or name == 'stuck' then
    break
  end
  timers.cancel(name)
  clock.stand_at(due)
  if name == 'hourly' then
    timers.set(name, clock.now() + 3600000)
  end
  notes[#notes + 1] = name .. '@' .. string.format('%.0f', clock.now())
  redis.call('RPUSH', KEYS[1] .. 'notes', notes[#notes])
end
return { 'OK', #notes, unpack(notes) }
