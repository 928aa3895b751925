#!lua flags=allow-oom
-- Keeps how far the router's view of this tenant has come, if that is of this store's history.
--
-- KEYS  prefix
-- ARGV  clock
--       mark      the revision up to which the router has applied everything
-- Returns {'KEPT', mark} | {'UNKNOWN'}; the mark is the highest kept.
-- O(log n) in the length of the feed.

local mark = tonumber(ARGV[2])

if not view.knows(mark) then
  return { 'UNKNOWN' }
end
view.advance(mark)
return { 'KEPT', string.format('%.0f', view.mark()) }
