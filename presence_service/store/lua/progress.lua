#!lua flags=no-writes
-- Says how far the tenant and the router's view of it have come.
--
-- KEYS  prefix
-- ARGV  clock
--       window_us how long after a Fresh the router may still route
-- Returns {'OK', revision, mark, routing}; routing is 1 while the router may route.
-- O(1).

local window_us = tonumber(ARGV[2])

local revision, mark = string.format('%.0f', revisions.last()), string.format('%.0f', view.mark())
return { 'OK', revision, mark, view.may_route(window_us) and 1 or 0 }
