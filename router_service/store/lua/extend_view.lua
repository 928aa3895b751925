#!lua flags=allow-oom
-- Raises the lease, if the view has come as far as presence said; it is never lowered.
--
-- KEYS  prefix    the tenant's prefix
-- ARGV  mode      real | manual
--       revision  that the view must have reached
--       until     us of the store's own clock
-- Returns {'OK', {mark, extended}, changes, unsettled}
-- O(1).

local revision, till = ARGV[2], ARGV[3]

local mark = view.mark()
local extended = tonumber(mark) >= tonumber(revision)
if extended then
  local before = view.lease_end()
  if tonumber(till) > before then redis.call('HSET', keys.view(), 'until', till, 'server', clock.server()) end
  -- What could not be matched while the lease was out waits for its return.
  if clock.raw_us() >= before and redis.call('EXISTS', keys.unsettled()) == 1 then match.wake() end
end
return step.done(function() return { mark = mark, extended = extended } end)
