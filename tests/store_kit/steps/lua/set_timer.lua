-- Sets a timer, or takes it out if no time is given.
--
-- KEYS  prefix
-- ARGV  clock
--       name
--       after ms, or ''
-- Returns {'OK', due} | {'CANCELLED', was it set}
local name, after = ARGV[2], tonumber(ARGV[3])
if not after then
  return { 'CANCELLED', timers.cancel(name) and 1 or 0 }
end
timers.set(name, clock.now() + after)
return { 'OK', clock.now() + after }
