-- Fires due timers. Presence sets none yet; the clock asks all the same.
--
-- KEYS  prefix
-- ARGV  clock
--       count     the most timers to fire
-- Returns {'OK', fired}
-- O(1).

return { 'OK', 0 }
