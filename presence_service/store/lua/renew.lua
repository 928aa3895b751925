#!lua flags=allow-oom
-- Promises the router a Fresh for this tenant and keeps its mark, if all that its view holds is of this
-- store's history.
--
-- KEYS  prefix
-- ARGV  clock
--       mark      how far the router's view has come, 0 for an empty view
--       seen      the highest revision that anything in the view is of
-- Returns {'FRESH', revision, waiting} | {'UNKNOWN', revision}; the revision is the tenant's last. A Fresh may go
-- out only after all changes up to it. Waiting is 1 if the router is to be asked about agents.
-- O(log n) in the length of the feed.

local mark, seen = tonumber(ARGV[2]), tonumber(ARGV[3])

local last = string.format('%.0f', revisions.last())
if not view.knows(mark) or (seen > mark and not view.knows(seen)) then
  return { 'UNKNOWN', last }
end
view.advance(mark)
view.renew()
return { 'FRESH', last, #deadlines.inquiries(1) }
