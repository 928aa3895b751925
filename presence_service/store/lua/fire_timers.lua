#!lua flags=allow-oom
-- Fires what is due, one at a time in order of due time, at most a step's worth: agents whose time may have run out
-- (R35, R36, R70), and timers that have to be set anew.
--
-- KEYS  prefix
-- ARGV  clock
--       most      timers to take
-- Returns {'OK', how many were taken}
-- O(log n) in the number of timers, times what is due; one slice of agents where timers are set anew.

local most = tonumber(ARGV[2])

local SLICE = 200

local fired = 0
while fired < most do
  local name = timers.due(clock.now())
  if not name then
    break
  end
  timers.cancel(name)
  fired = fired + 1
  if not deadlines.fire(name) and deadlines.arm_some(name, SLICE) then
    break
  end
end
return { 'OK', fired }
